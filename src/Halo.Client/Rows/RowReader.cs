using System.Buffers;
using System.Text.Json;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;

namespace Halo.Client.Rows;

/// <summary>Reads a JSON array of rows from a stream, one row in memory at a time.</summary>
/// <remarks>It is at its end only where the array was closed and the stream then ended in order: a shorter one is an exception, never fewer rows.</remarks>
/// <param name="source">Where they come from; disposed of with the reader.</param>
/// <param name="isTable">The array's first value is the array of its columns.</param>
sealed class RowReader(Stream source, bool isTable = false) : IAsyncDisposable
{
    const int FirstBytes = 64 * 1024;

    enum Place
    {
        BeforeArray,
        BeforeColumns,
        BeforeFirst,
        AfterRow,
        AfterArray,
        End,
    }

    byte[] _buffer = ArrayPool<byte>.Shared.Rent(FirstBytes);
    int _start, _end;
    Place _place;
    bool _ended;
    volatile bool _isFilling;
    RowEnd? _long;

    public Row Row { get; } = new();

    /// <summary>Of a table its columns, once its first row or its end was read; null before, and of others.</summary>
    public IReadOnlyList<ResultColumn>? Columns { get; private set; }

    /// <summary>Rows so far.</summary>
    public long Count => Row.Number;

    /// <summary>Goes on to the next row.</summary>
    /// <returns>False: there are no more, and all were there.</returns>
    /// <exception cref="IOException">The stream broke off.</exception>
    /// <exception cref="JsonException">It holds no rows.</exception>
    public ValueTask<bool> ReadAsync(CancellationToken stop)
    {
        return TryRead() ? new(true) : _place == Place.End ? new(false) : FillAndReadAsync(stop);
    }

    public async ValueTask DisposeAsync()
    {
        var buffer = Interlocked.Exchange(ref _buffer, []);
        await source.DisposeAsync();
        // What a read may still write into is nobody else's any more.
        if (buffer.Length > 0 && !_isFilling)
            ArrayPool<byte>.Shared.Return(buffer);
    }

    async ValueTask<bool> FillAndReadAsync(CancellationToken stop)
    {
        while (true)
        {
            if (_ended)
                throw new EndOfStreamException("The rows end in the middle.");
            await FillAsync(stop);
            if (TryRead())
                return true;
            if (_place == Place.End)
                return false;
        }
    }

    /// <returns>False: more bytes are needed, or it is the end.</returns>
    bool TryRead()
    {
        while (true)
        {
            while (_start < _end && _buffer[_start] is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t')
                _start++;
            if (_start == _end)
            {
                if (_ended && _place == Place.AfterArray)
                    _place = Place.End;
                return false;
            }
            var next = _buffer[_start];
            switch (_place)
            {
                case Place.BeforeArray when next == '[':
                    (_place, _start) = (isTable ? Place.BeforeColumns : Place.BeforeFirst, _start + 1);
                    break;
                case Place.BeforeColumns when next == '[':
                    if (!TryTakeColumns())
                        return false;
                    break;
                case Place.BeforeFirst when next == '{':
                    return TryTake(0);
                case Place.AfterRow when next == ',':
                    var at = _start + 1;
                    while (at < _end && _buffer[at] is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t')
                        at++;
                    return at < _end && (_buffer[at] == '{' ? TryTake(at - _start) : throw Strange());
                case Place.BeforeFirst or Place.AfterRow when next == ']':
                    (_place, _start) = (Place.AfterArray, _start + 1);
                    break;
                default:
                    throw Strange();
            }
        }
    }

    /// <returns>False: more bytes are needed.</returns>
    bool TryTakeColumns()
    {
        var reader = new Utf8JsonReader(_buffer.AsSpan(_start, _end - _start), isFinalBlock: false, default);
        if (!reader.Read() || !reader.TrySkip())
            return false;
        var length = (int)reader.BytesConsumed;
        Columns = JsonSerializer.Deserialize(_buffer.AsSpan(_start, length), HaloJson.Default.IReadOnlyListResultColumn);
        (_place, _start) = (Place.AfterRow, _start + length);
        return true;
    }

    /// <param name="before">Bytes between here and the row.</param>
    bool TryTake(int before)
    {
        var (start, length) = (_start + before, _end - _start - before);
        if (_long is { } end)
        {
            var isWhole = end.IsIn(_buffer.AsSpan(start, length));
            _long = end;
            if (!isWhole)
                return false;
        }
        var taken = Row.TryTake(_buffer, start, length);
        if (taken == 0)
        {
            _long ??= new RowEnd();
            return false;
        }
        _long = null;
        (_start, _place) = (start + taken, Place.AfterRow);
        return true;
    }

    async ValueTask FillAsync(CancellationToken stop)
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }
        if (_end == _buffer.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(2 * _buffer.Length);
            _buffer.AsSpan(0, _end).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }
        _isFilling = true;
        var read = await source.ReadAsync(_buffer.AsMemory(_end), stop);
        _isFilling = false;
        _ended = read == 0;
        _end += read;
    }

    static JsonException Strange() => new("The answer is no array of rows.");
}

using System.Buffers;
using System.IO.Compression;

namespace Halo.Link.Results;

/// <summary>Takes the JSON of a page while it is written and compresses it piece by piece into the page's file: no page is ever held whole.</summary>
sealed class PageCompressor : IBufferWriter<byte>, IDisposable
{
    // Brotli's fast mode sees repetitions only within what it is given at once; more than this brings no more (docs/performance.md).
    const int RawBytes = 256 * 1024;
    const int Fastest = 1;
    const int Window = 22;

    byte[] _raw = ArrayPool<byte>.Shared.Rent(RawBytes);
    int _length;
    BrotliEncoder _encoder;
    PageFileWriter? _page;

    /// <summary>Bytes of JSON in the current page.</summary>
    public long JsonBytes { get; private set; }

    /// <summary>Why the disk took no more; what is written after that is thrown away. Kept here so that nothing throws in the middle of a row.</summary>
    public Exception? Fault { get; private set; }

    /// <summary>Whether a page is open.</summary>
    public bool IsOpen => _page is not null;

    /// <summary>Begins a page.</summary>
    public void Open(Func<PageFileWriter> page)
    {
        JsonBytes = 0;
        _encoder = new BrotliEncoder(Fastest, Window);
        try
        {
            _page = page();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Fault = e;
        }
    }

    /// <summary>Ends the page.</summary>
    /// <returns>Null when the disk would not take it: see <see cref="Fault"/>.</returns>
    public PageInfo? Close(long rowStart, long rowCount)
    {
        Drain(last: true);
        _encoder.Dispose();
        try
        {
            return Fault is null ? _page!.Finish(rowStart, rowCount, JsonBytes) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Fault = e;
            return null;
        }
        finally
        {
            _page?.Dispose();
            _page = null;
        }
    }

    public void Write(byte value)
    {
        GetSpan(1)[0] = value;
        Advance(1);
    }

    public void Advance(int count)
    {
        _length += count;
        JsonBytes += count;
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        MakeRoom(sizeHint);
        return _raw.AsMemory(_length);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        MakeRoom(sizeHint);
        return _raw.AsSpan(_length);
    }

    public void Dispose()
    {
        _page?.Dispose();
        _page = null;
        _encoder.Dispose();
        ArrayPool<byte>.Shared.Return(_raw);
        _raw = [];
    }

    void MakeRoom(int sizeHint)
    {
        var wanted = Math.Max(sizeHint, 1);
        if (_raw.Length - _length >= wanted)
            return;
        Drain(last: false);
        // One large value needs a large buffer, for as long as it takes.
        if (_raw.Length >= wanted && _raw.Length <= 2 * RawBytes)
            return;
        ArrayPool<byte>.Shared.Return(_raw);
        _raw = ArrayPool<byte>.Shared.Rent(Math.Max(wanted, RawBytes));
    }

    void Drain(bool last)
    {
        var source = _raw.AsSpan(0, _length);
        _length = 0;
        try
        {
            var status = OperationStatus.DestinationTooSmall;
            while (Fault is null && status == OperationStatus.DestinationTooSmall)
            {
                status = _encoder.Compress(source, _page!.Free, out var consumed, out var written, last);
                _page.Advance(written);
                source = source[consumed..];
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Fault = e;
        }
    }
}

using System.Buffers;
using System.IO.Compression;
using System.Text.Json;
using Halo.Api.Results.Formats;

namespace Halo.Api.Results.Pages;

/// <summary>
/// Decodes a page once while it arrives and holds it against what its headers say, so that whoever reads it later reads what was
/// checked: one Brotli stream, one JSON array of flat row objects, of exactly so many bytes and rows. Nothing of it is kept.
/// </summary>
/// <remarks>
/// A few bytes can decode to gigabytes: decoding stops at the declared size, and is done in steps of <see cref="StepBytes"/> that all
/// uploads take in turn, on half of the processors at most.
/// </remarks>
sealed class PageCheck(long jsonSize, long rows, SemaphoreSlim places) : IDisposable
{
    const int PieceBytes = 64 * 1024;

    /// <summary>Decoded bytes after which another upload has its turn.</summary>
    public const int StepBytes = 1024 * 1024;

    static readonly SearchValues<byte> LineBreaks = SearchValues.Create("\r\n"u8);

    readonly RowTranscoder _rows = new(new CheckedRows());
    readonly byte[] _piece = ArrayPool<byte>.Shared.Rent(PieceBytes);
    BrotliDecoder _decoder;
    string? _fault;
    bool _begun;
    bool _ended;
    long _size;

    /// <summary>The next compressed bytes. What is wrong with them is told at the end: they may have been damaged on the way.</summary>
    public async ValueTask AddAsync(ReadOnlyMemory<byte> compressed, CancellationToken stop)
    {
        while (_fault is null && !(compressed.IsEmpty && _ended))
        {
            await places.WaitAsync(stop);
            bool wantsMore;
            try
            {
                (compressed, wantsMore) = Decode(compressed);
            }
            finally
            {
                places.Release();
            }
            if (wantsMore)
                return;
        }
    }

    /// <summary>All has come.</summary>
    /// <returns>What is wrong with it; null: nothing.</returns>
    public string? Complete()
    {
        if (_fault is null && !_ended)
            _fault = "is cut short";
        if (_fault is null)
            Try(_rows.EndArray);
        if (_fault is null && _size != jsonSize)
            _fault = $"has {_size} bytes of JSON where Size says {jsonSize}";
        if (_fault is null && _rows.Rows != rows)
            _fault = $"has {_rows.Rows} rows where Rows-Count says {rows}";
        return _fault;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _decoder.Dispose();
        _rows.Dispose();
        ArrayPool<byte>.Shared.Return(_piece);
    }

    /// <summary>One step.</summary>
    (ReadOnlyMemory<byte> Left, bool WantsMore) Decode(ReadOnlyMemory<byte> compressed)
    {
        for (var step = 0; step < StepBytes && _fault is null;)
        {
            if (_ended)
            {
                // Decoders stop silently at the end of the first stream; what follows would be nobody's.
                if (!compressed.IsEmpty)
                    _fault = "goes on behind the end of its Brotli stream";
                return (compressed, true);
            }
            if (_size == 0 && !compressed.IsEmpty && !_begun)
            {
                _begun = true;
                if (!HasSmallWindow(compressed.Span[0]))
                {
                    _fault = "has a Brotli window of more than 4 MiB";
                    break;
                }
            }
            var status = _decoder.Decompress(compressed.Span, _piece.AsSpan(0, PieceBytes), out var consumed, out var written);
            compressed = compressed[consumed..];
            step += written;
            Take(_piece.AsSpan(0, written));
            switch (status)
            {
                case OperationStatus.InvalidData:
                    _fault ??= "is not Brotli";
                    break;
                case OperationStatus.Done:
                    _ended = true;
                    break;
                case OperationStatus.NeedMoreData:
                    return (compressed, true);
            }
        }
        return (compressed, _fault is not null);
    }

    /// <summary>The first bits of a stream say how much of it the decoder must hold (RFC 7932, 9.1): here at most 4 MiB, which is what Links use.</summary>
    static bool HasSmallWindow(byte first) => (first & 1) == 0 || ((first >> 1) & 7) is var bits && (bits != 0 ? 17 + bits <= 22 : (first >> 4 & 7) != 1);

    void Take(ReadOnlySpan<byte> json)
    {
        if ((_size += json.Length) > jsonSize)
            _fault ??= $"has more bytes of JSON than the {jsonSize} that Size says";
        else if (json.ContainsAny(LineBreaks))
            _fault ??= "has line breaks between its values";
        if (_fault is not null)
            return;
        try
        {
            _rows.Add(json);
        }
        catch (Exception e) when (e is JsonException or InvalidDataException or InvalidOperationException)
        {
            _fault = NoRows;
        }
    }

    void Try(Action read)
    {
        try
        {
            read();
        }
        catch (Exception e) when (e is JsonException or InvalidDataException or InvalidOperationException)
        {
            _fault = NoRows;
        }
    }

    const string NoRows = "is not a JSON array of row objects";
}

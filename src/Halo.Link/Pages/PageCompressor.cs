using System.Buffers;
using System.IO.Compression;
using System.Security.Cryptography;

namespace Halo.Link.Pages;

/// <summary>Where a page ends: which rows it holds and how much JSON.</summary>
sealed record PageEnd(long RowStart, long RowCount, long JsonSize);

/// <summary>Compresses the pieces of a query's pages into their files, one piece after another: no page is ever held whole.</summary>
/// <param name="finished">Called with each page, in order, once it is in the spool.</param>
sealed class PageCompressor(Spool spool, Action<PageInfo> finished) : IDisposable
{
    const int Fastest = 1;
    const int Window = 22;

    readonly IncrementalHash _digests = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    BrotliEncoder _encoder;
    PageFileWriter? _page;
    volatile Exception? _fault;

    /// <summary>Why the disk took no more; what comes after that is thrown away. Kept here so that nothing throws in the middle of a row.</summary>
    public Exception? Fault => _fault;

    /// <summary>Pages finished.</summary>
    public int PageCount { get; private set; }

    /// <summary>Rows in finished pages.</summary>
    public long Rows { get; private set; }

    /// <summary>Bytes of JSON in finished pages.</summary>
    public long Size { get; private set; }

    /// <summary>SHA-256 over the digests of the finished pages in order, in base64.</summary>
    public string Digest => Convert.ToBase64String(_digests.GetCurrentHash());

    /// <summary>Takes the next piece.</summary>
    /// <param name="end">There where it ends its page.</param>
    public void Take(SpoolShare share, ReadOnlySpan<byte> piece, PageEnd? end)
    {
        if (_fault is not null)
            return;
        try
        {
            if (_page is null)
                Open(share);
            Compress(piece, isLast: end is not null);
            if (end is not null)
                Finish(end);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _fault = e;
        }
    }

    /// <summary>A page that is not finished is thrown away.</summary>
    public void Dispose()
    {
        Close();
        _digests.Dispose();
    }

    void Open(SpoolShare share)
    {
        _page = spool.BeginPage(share, PageCount + 1);
        _encoder = new BrotliEncoder(Fastest, Window);
    }

    void Compress(ReadOnlySpan<byte> piece, bool isLast)
    {
        var status = OperationStatus.DestinationTooSmall;
        while (status == OperationStatus.DestinationTooSmall)
        {
            status = _encoder.Compress(piece, _page!.Free, out var consumed, out var written, isLast);
            _page.Advance(written);
            piece = piece[consumed..];
        }
    }

    void Finish(PageEnd end)
    {
        var page = _page!.Finish(end.RowStart, end.RowCount, end.JsonSize);
        Close();
        _digests.AppendData(page.Digest);
        PageCount++;
        Rows += page.RowCount;
        Size += page.JsonSize;
        finished(page);
    }

    void Close()
    {
        _page?.Dispose();
        _page = null;
        _encoder.Dispose();
        _encoder = default;
    }
}

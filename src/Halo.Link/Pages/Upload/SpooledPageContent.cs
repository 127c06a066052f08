using System.Buffers;
using System.Net;
using System.Net.Http.Headers;

namespace Halo.Link.Pages.Upload;

/// <summary>The body of a page's PUT, out of the spool in pieces of 32 KiB; before each the immediate work is let past.</summary>
sealed class SpooledPageContent : HttpContent
{
    readonly PageFileReader _page;
    readonly Func<CancellationToken, ValueTask> _beforePiece;

    /// <param name="page">Owned by this content.</param>
    public SpooledPageContent(PageFileReader page, Func<CancellationToken, ValueTask> beforePiece)
    {
        _page = page;
        _beforePiece = beforePiece;
        Headers.ContentType = new MediaTypeHeaderValue("application/json");
        Headers.ContentEncoding.Add("br");
        Headers.Add("Content-Digest", $"sha-256=:{Convert.ToBase64String(page.Info.Digest)}:");
    }

    public PageInfo Info => _page.Info;

    /// <summary>Whether the page was found damaged while it was read.</summary>
    public bool Damaged { get; private set; }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        var piece = ArrayPool<byte>.Shared.Rent(PageFile.ChunkBytes);
        try
        {
            for (var offset = 0L; offset < _page.Info.CompressedSize;)
            {
                await _beforePiece(cancellationToken);
                var bytes = _page.Read(offset, piece);
                await stream.WriteAsync(piece.AsMemory(0, bytes), cancellationToken);
                offset += bytes;
            }
        }
        catch (PageDamagedException)
        {
            Damaged = true;
            throw;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _page.Info.CompressedSize;
        return true;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _page.Dispose();
        base.Dispose(disposing);
    }
}

using System.IO.Compression;
using System.Security.Cryptography;
using Halo.Client;
using Halo.Client.Pages;

namespace Halo.Cli.Exports;

/// <summary>Pages of one query, kept as they were fetched until their file is whole: an interrupted export does not fetch them again.</summary>
sealed class PageSpool(ExportWorkspace workspace, int file, HaloQuery query)
{
    readonly PageDownload _download = new(query.Calls, query.Id);

    /// <summary>The rows of a page.</summary>
    public async Task<Stream> FetchAsync(int page, CancellationToken stop)
    {
        var path = workspace.PagePath(file, page);
        if (await OpenAsync(path, stop) is { } kept)
            return new BrotliStream(kept, CompressionMode.Decompress);
        var stored = await _download.FetchStoredAsync(page, stop);
        var next = path + ".new";
        await using (var written = ExportWorkspace.Create(next))
        {
            await written.WriteAsync(SHA256.HashData(stored), stop);
            await written.WriteAsync(stored, stop);
        }
        File.Move(next, path, overwrite: true);
        return PageDownload.Rows(stored);
    }

    /// <returns>At its rows; null: it is not there, or not whole, as after a loss of power.</returns>
    static async Task<FileStream?> OpenAsync(string path, CancellationToken stop)
    {
        if (!File.Exists(path))
            return null;
        // Removed while it is still open: its rows may not all have been wanted.
        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 64 * 1024, FileOptions.Asynchronous);
        var isWhole = false;
        try
        {
            var digest = new byte[SHA256.HashSizeInBytes];
            isWhole = await file.ReadAtLeastAsync(digest, digest.Length, throwOnEndOfStream: false, stop) == digest.Length
                && file.Length > digest.Length && (await SHA256.HashDataAsync(file, stop)).AsSpan().SequenceEqual(digest);
            file.Position = digest.Length;
            return isWhole ? file : null;
        }
        finally
        {
            if (!isWhole)
                await file.DisposeAsync();
        }
    }
}

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
        if (await ReadAsync(path, stop) is { } kept)
            return PageDownload.Rows(kept);
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

    /// <returns>Null: it is not there, or not whole, as after a loss of power.</returns>
    static async Task<byte[]?> ReadAsync(string path, CancellationToken stop)
    {
        if (!File.Exists(path))
            return null;
        var bytes = await File.ReadAllBytesAsync(path, stop);
        return bytes.Length > SHA256.HashSizeInBytes && SHA256.HashData(bytes.AsSpan(SHA256.HashSizeInBytes)).AsSpan().SequenceEqual(bytes.AsSpan(0, SHA256.HashSizeInBytes))
            ? bytes[SHA256.HashSizeInBytes..]
            : null;
    }
}

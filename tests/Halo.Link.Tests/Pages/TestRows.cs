using System.Buffers;
using System.IO.Compression;
using System.Text;
using Halo.Contracts.Queries;
using Halo.Link.Pages;

namespace Halo.Link.Tests.Pages;

/// <summary>Writes rows into a sink as the row encoder does, and reads pages as the API does.</summary>
static class TestRows
{
    public static readonly IReadOnlyList<ResultColumn> Columns = [new("v", SqlType.NVarChar, "TEXT")];

    public static ValueTask<bool> WriteRowAsync(this PageSink sink, string json, CancellationToken stop = default)
    {
        sink.BeginRow();
        sink.Buffer.Write(Encoding.UTF8.GetBytes(json));
        return sink.EndRowAsync(stop);
    }

    /// <summary>Writes a whole result and returns its pages.</summary>
    public static async Task<(PageSink Sink, IReadOnlyList<PageInfo> Pages)> WriteAsync(
        Spool spool, Guid queryId, int pageBytes, IEnumerable<string> rows)
    {
        var pages = new List<PageInfo>();
        var sink = new PageSink(spool, queryId, pageBytes, _ => { }, pages.Add);
        await sink.BeginAsync(Columns, default);
        foreach (var row in rows)
            Assert.True(await sink.WriteRowAsync(row));
        await sink.EndAsync(default);
        return (sink, pages);
    }

    /// <summary>The page's compressed bytes.</summary>
    public static byte[] ReadBytes(Spool spool, Guid queryId, int page)
    {
        using var file = spool.OpenPage(queryId, page);
        var bytes = new byte[file.Info.CompressedSize];
        for (var offset = 0; offset < bytes.Length;)
            offset += file.Read(offset, bytes.AsSpan(offset));
        return bytes;
    }

    public static string Decompress(byte[] brotli)
    {
        using var stream = new BrotliStream(new MemoryStream(brotli), CompressionMode.Decompress);
        using var reader = new StreamReader(stream, new UTF8Encoding(false, throwOnInvalidBytes: true));
        return reader.ReadToEnd();
    }
}

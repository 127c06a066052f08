using System.Globalization;
using System.IO.Compression;
using System.Security.Cryptography;
using Halo.Client.Calls;
using Halo.Contracts.Queries;

namespace Halo.Client.Pages;

/// <summary>Fetches a page as it is stored, compressed, and checks it against its digest before anything of it is read.</summary>
sealed class PageDownload(SiteCalls site, Guid query)
{
    /// <summary>A page that is damaged on the way is fetched again; one that is damaged each time is damaged where it is stored.</summary>
    const int Tries = 3;

    /// <summary>The rows of a page, as JSON.</summary>
    public async Task<Stream> FetchAsync(int page, CancellationToken stop) => Rows(await FetchStoredAsync(page, stop));

    /// <summary>The rows in the bytes of a page as it is stored.</summary>
    public static Stream Rows(byte[] stored) => new BrotliStream(new MemoryStream(stored, writable: false), CompressionMode.Decompress);

    /// <summary>A page as it is stored.</summary>
    public async Task<byte[]> FetchStoredAsync(int page, CancellationToken stop)
    {
        for (var attempt = 1; ; attempt++)
        {
            var (bytes, digest) = await BytesAsync(page, stop);
            if (SHA256.HashData(bytes).AsSpan().SequenceEqual(digest))
                return bytes;
            if (attempt == Tries)
            {
                throw new HaloException($"Page {page} does not fit its digest, {Tries} times.")
                {
                    Code = HaloExceptionCodes.PageDamaged,
                    Executed = Executed.Yes,
                    QueryId = query,
                    IsTransient = true,
                };
            }
        }
    }

    async Task<(byte[] Bytes, byte[] Digest)> BytesAsync(int page, CancellationToken stop)
    {
        try
        {
            return await site.Calls.SendAsync(Repeats.ExecutesNothing, () => Request(page), (response, lost) => ReadAsync(response, page, lost), stop);
        }
        catch (HaloException e)
        {
            throw e.With(executed: Executed.Yes, query: query);
        }
    }

    HttpRequestMessage Request(int page)
    {
        var request = site.Calls.Request(HttpMethod.Get, string.Create(CultureInfo.InvariantCulture, $"{site.PathOf(query)}/results/{page}/stream"));
        request.Headers.AcceptEncoding.Add(new("br"));
        return request;
    }

    async Task<(byte[] Bytes, byte[] Digest)> ReadAsync(HttpResponseMessage response, int page, CancellationToken stop)
    {
        using (response)
        {
            if (!response.Content.Headers.ContentEncoding.SequenceEqual(["br"]) || DigestOf(response) is not { } digest)
            {
                throw new HaloException($"Page {page} came without its digest or decompressed, and cannot be checked: set AutomaticDecompression of the HttpClient's handler to None, and see what stands between.")
                {
                    Code = HaloExceptionCodes.UnknownAnswer,
                    Executed = Executed.Yes,
                    QueryId = query,
                };
            }
            return (await response.Content.ReadAsByteArrayAsync(stop), digest);
        }
    }

    /// <summary><c>Content-Digest: sha-256=:base64:</c></summary>
    static byte[]? DigestOf(HttpResponseMessage response)
    {
        if (!response.Headers.TryGetValues("Content-Digest", out var values) && !response.Content.Headers.TryGetValues("Content-Digest", out values))
            return null;
        foreach (var part in string.Join(',', values).Split(',', StringSplitOptions.TrimEntries))
        {
            var bytes = new byte[SHA256.HashSizeInBytes];
            if (part.StartsWith("sha-256=:", StringComparison.Ordinal) && part.EndsWith(':')
                && Convert.TryFromBase64String(part["sha-256=:".Length..^1], bytes, out var written) && written == bytes.Length)
                return bytes;
        }
        return null;
    }
}

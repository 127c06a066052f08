using System.Globalization;
using System.IO.Compression;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Halo.LinkProtocol.Enrolment;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Tests.Hosting;

/// <summary>A page as a Link uploads it, or as none should.</summary>
/// <param name="Bytes">The compressed bytes.</param>
/// <param name="Size">What the header says of the JSON's bytes.</param>
/// <param name="Rows">What the header says of the rows.</param>
sealed record TestPage(byte[] Bytes, long Size, long Rows)
{
    public long Start { get; init; }

    /// <summary>SHA-256; null: of the bytes.</summary>
    public byte[]? Digest { get; init; }

    public static TestPage Of(string json, long rows) => new(Compress(Encoding.UTF8.GetBytes(json)), Encoding.UTF8.GetByteCount(json), rows);

    public static byte[] Compress(params byte[][] pieces)
    {
        using var memory = new MemoryStream();
        using (var brotli = new BrotliStream(memory, CompressionLevel.Fastest))
        {
            foreach (var piece in pieces)
                brotli.Write(piece);
        }
        return memory.ToArray();
    }

    /// <param name="content">The bytes in another way than all at once, and not before the service reads them; null: all at once.</param>
    public async Task<HttpResponseMessage> PutAsync(ApiHost host, SimulatedLink link, Claim claim, int number, HttpContent? content = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, LinkHttp.PagePath(claim.QueryId, number)) { Content = content ?? new ByteArrayContent(Bytes) };
        request.Headers.ExpectContinue = content is not null;
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", await link.TokenAsync());
        request.Content.Headers.ContentEncoding.Add("br");
        request.Headers.Add("Content-Digest", $"sha-256=:{Convert.ToBase64String(Digest ?? SHA256.HashData(Bytes))}:");
        request.Headers.Add(LinkHttp.ClaimHeader, claim.ClaimId.ToString());
        request.Headers.Add(LinkHttp.RowsStartHeader, Start.ToString(CultureInfo.InvariantCulture));
        request.Headers.Add(LinkHttp.RowsCountHeader, Rows.ToString(CultureInfo.InvariantCulture));
        request.Headers.Add(LinkHttp.SizeHeader, Size.ToString(CultureInfo.InvariantCulture));
        return await host.Client.SendAsync(request);
    }
}

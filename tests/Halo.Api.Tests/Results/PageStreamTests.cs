using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Errors;
using Halo.LinkProtocol.Enrolment;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Results;

/// <summary>Codings, tags, conditions and ranges of one page's stream.</summary>
public class PageStreamTests(OneHost one) : IClassFixture<OneHost>
{
    const string Rows = """[{"n":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},{"n":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}]""";

    static async Task<(byte[] Stored, string Path)> StoreAsync(PairedSite site)
    {
        var (stored, claim) = await DeliverAsync(site, Rows, 2);
        return (stored, $"{site.Path}/{claim.QueryId}/results/1/stream");
    }

    static async Task<(byte[] Stored, Claim Claim)> DeliverAsync(PairedSite site, string rows, int count)
    {
        var page = TestPage.Of(rows, count);
        var (_, claim) = await site.QueueAndClaimAsync();
        using var answer = await page.PutAsync(site.Host, site.Link, claim, 1);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return (page.Bytes, claim);
    }

    static async Task<HttpResponseMessage> GetAsync(PairedSite site, string path, string coding, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Add("Ocp-Apim-Subscription-Key", site.Key);
        request.Headers.TryAddWithoutValidation("Accept-Encoding", coding);
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return await site.Host.Client.SendAsync(request);
    }

    [Fact]
    public async Task Each_coding_has_a_tag_of_its_own_and_whoever_has_it_is_answered_304_without_rows()
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        var (_, path) = await StoreAsync(site);
        var tags = new HashSet<string>();
        foreach (var coding in (string[])["br", "gzip", "identity"])
        {
            using var first = await GetAsync(site, path, coding);
            Assert.Equal(coding == "identity" ? [] : [coding], first.Content.Headers.ContentEncoding);
            Assert.Contains("Accept-Encoding", first.Headers.Vary);
            var tag = first.Headers.ETag!.ToString();
            Assert.True(tags.Add(tag));
            using var again = await GetAsync(site, path, coding, ("If-None-Match", $"\"other\", {tag}"));
            Assert.Equal((HttpStatusCode.NotModified, tag), (again.StatusCode, again.Headers.ETag!.ToString()));
            Assert.Empty(await again.Content.ReadAsByteArrayAsync());
            using var changed = await GetAsync(site, path, coding, ("If-None-Match", "\"other\""));
            Assert.Equal(HttpStatusCode.OK, changed.StatusCode);
        }
    }

    [Fact]
    public async Task Every_coding_decodes_to_the_same_rows()
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        var (stored, path) = await StoreAsync(site);
        using var br = await GetAsync(site, path, "br");
        Assert.Equal(stored, await br.Content.ReadAsByteArrayAsync());
        using var gzip = await GetAsync(site, path, "gzip;q=1, br;q=0");
        await using var decoded = new GZipStream(await gzip.Content.ReadAsStreamAsync(), CompressionMode.Decompress);
        Assert.Equal(Rows, await new StreamReader(decoded).ReadToEndAsync());
        using var plain = await GetAsync(site, path, "");
        Assert.Equal((Rows, 0), (await plain.Content.ReadAsStringAsync(), plain.Content.Headers.ContentEncoding.Count));
    }

    [Fact]
    public async Task A_range_is_of_the_stored_bytes_and_only_of_the_page_that_the_caller_began_with()
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        var (stored, path) = await StoreAsync(site);
        using var whole = await GetAsync(site, path, "br");
        Assert.Contains("bytes", whole.Headers.AcceptRanges);
        var tag = whole.Headers.ETag!.ToString();
        using var rest = await GetAsync(site, path, "br", ("Range", "bytes=5-"), ("If-Range", tag));
        Assert.Equal((HttpStatusCode.PartialContent, stored.Length), (rest.StatusCode, (int)rest.Content.Headers.ContentRange!.Length!));
        Assert.Equal(stored[5..], await rest.Content.ReadAsByteArrayAsync());
        // The digest of the whole is not that of what is sent.
        Assert.False(rest.Headers.Contains("Content-Digest"));
        Assert.Equal(whole.Headers.GetValues("Content-Digest"), rest.Headers.GetValues("Repr-Digest"));
        using var other = await GetAsync(site, path, "br", ("Range", "bytes=5-"), ("If-Range", "\"other\""));
        Assert.Equal(HttpStatusCode.OK, other.StatusCode);
        using var plain = await GetAsync(site, path, "identity", ("Range", "bytes=5-"));
        Assert.Equal((HttpStatusCode.OK, Rows), (plain.StatusCode, await plain.Content.ReadAsStringAsync()));
    }

    [Fact]
    public async Task A_range_beyond_the_end_is_a_416_in_the_general_shape()
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        var (stored, path) = await StoreAsync(site);
        using var beyond = await GetAsync(site, path, "br", ("Range", $"bytes={stored.Length}-"));
        Assert.Equal(ErrorCodes.InvalidRequest, (await beyond.ErrorAsync(416)).Code);
        Assert.Equal(stored.Length, beyond.Content.Headers.ContentRange!.Length);
        Assert.False(beyond.Headers.Contains("Content-Digest"));
        Assert.Empty(beyond.Content.Headers.ContentEncoding);
    }

    [Fact]
    public async Task A_page_of_one_huge_row_is_served_by_its_stream_alone()
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        var (stored, claim) = await DeliverAsync(site, $$"""[{"n":"{{new string('x', 8 * 1024 * 1024)}}"}]""", 1);
        using var refused = await GetAsync(site, $"{site.Path}/{claim.QueryId}/results/1", "br");
        var error = await refused.ErrorAsync(413);
        Assert.Equal(ErrorCodes.ResultTooLarge, error.Code);
        Assert.Contains("results/1/stream", error.Message, StringComparison.Ordinal);
        using var stream = await GetAsync(site, $"{site.Path}/{claim.QueryId}/results/1/stream", "br");
        Assert.Equal(stored, await stream.Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task After_retention_a_page_is_gone_and_before_it_is_there()
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        var (stored, claim) = await DeliverAsync(site, Rows, 2);
        Assert.True((await site.Link.ReportAsync(claim.QueryId, new Report(claim.ClaimId, ReportKind.Complete)
        {
            Rows = 2,
            Size = Rows.Length,
            PageCount = 1,
            ResultSets = 1,
            Digest = Convert.ToBase64String(SHA256.HashData(SHA256.HashData(stored))),
        })).Accepted);
        string[] paths = [$"{site.Path}/{claim.QueryId}/results/1", $"{site.Path}/{claim.QueryId}/results/1/stream", $"{site.Path}/{claim.QueryId}/results"];
        foreach (var path in paths)
        {
            using var there = await GetAsync(site, path, "br");
            Assert.Equal(HttpStatusCode.OK, there.StatusCode);
        }
        // As if it had ended a day ago.
        await one.Host.Services.GetRequiredService<Database>().CommitAsync(new(
            "UPDATE queries SET completed_at = completed_at - 86400000 WHERE id = @id", [("id", claim.QueryId)]));
        foreach (var path in paths)
        {
            using var gone = await GetAsync(site, path, "br");
            Assert.Equal(ErrorCodes.Gone, (await gone.ErrorAsync(410)).Code);
        }
        Assert.Equal("successful", (await site.GetAsync(claim.QueryId)).Status.ToString().ToLowerInvariant());
    }
}

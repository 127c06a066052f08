using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text.Json;
using Halo.Contracts.Queries;

namespace Halo.SystemTests.Journeys;

public sealed class PagesOnSqlite(SqliteHouse house) : PageTests(house), IClassFixture<SqliteHouse>;

public sealed class PagesOnPostgres(PostgresHouse house) : PageTests(house), IClassFixture<PostgresHouse>;

/// <summary>Pages of async results as clients read them.</summary>
public abstract class PageTests(House house)
{
    [Fact]
    public async Task A_page_stream_is_served_as_stored_or_decoded()
    {
        var query = await house.ExportAsync(Sql.Generated(house.Engine, 20_000));
        var path = new Uri($"integrator/sites/{house.Site.Id}/queries/{query.Id}/results/1/stream", UriKind.Relative);

        using var plain = await GetAsync(path, "identity");
        using var brotli = await GetAsync(path, "br");
        Assert.Equal(HttpStatusCode.OK, plain.StatusCode);
        Assert.Equal("application/json", plain.Content.Headers.ContentType!.MediaType);
        Assert.Empty(plain.Content.Headers.ContentEncoding);
        Assert.Equal(["br"], brotli.Content.Headers.ContentEncoding);
        Assert.NotNull(brotli.Headers.ETag);
        Assert.NotEqual(plain.Headers.ETag, brotli.Headers.ETag);

        var stored = await brotli.Content.ReadAsByteArrayAsync();
        Assert.Contains(Convert.ToBase64String(SHA256.HashData(stored)), Digest(brotli), StringComparison.Ordinal);
        await using var decoded = new BrotliStream(new MemoryStream(stored), CompressionMode.Decompress);
        using var copy = new MemoryStream();
        await decoded.CopyToAsync(copy);
        var identity = await plain.Content.ReadAsByteArrayAsync();
        Assert.Equal(identity, copy.ToArray());
        Assert.Equal(query.Result!.Pages![0].Size, identity.Length);
        using var rows = JsonDocument.Parse(identity);
        Assert.Equal(query.Result.Pages[0].Rows.Count, rows.RootElement.GetArrayLength());
    }

    [Fact]
    public async Task A_page_names_its_size_and_rows_in_headers()
    {
        var query = await house.ExportAsync(Sql.Generated(house.Engine, 20_000));
        var last = query.Result!.Pages![^1];
        Assert.True(last.PageNumber > 1, "20,000 rows are more than one page");
        using var response = await house.Integrator.Http.GetAsync(
            new Uri($"integrator/sites/{house.Site.Id}/queries/{query.Id}/results/{last.PageNumber}", UriKind.Relative));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        string Header(string name) => Assert.Single(response.Headers.GetValues(name));
        Assert.Equal($"{last.Size}", Header("Size"));
        Assert.Equal($"{last.Rows.Count}", Header("Rows-Count"));
        Assert.Equal($"{last.Rows.RangeStart}", Header("Rows-Range-Start"));
        Assert.Equal($"{last.Rows.RangeEnd}", Header("Rows-Range-End"));
    }

    [Theory]
    [InlineData("0", HttpStatusCode.BadRequest)]
    [InlineData("-1", HttpStatusCode.BadRequest)]
    [InlineData("2", HttpStatusCode.NotFound)]
    public async Task A_page_that_is_not_there_is_refused(string page, HttpStatusCode expected)
    {
        var query = await house.ExportAsync("SELECT 1 AS one");
        foreach (var tail in (string[])["", "/stream"])
        {
            var answer = await house.Integrator.GetAsync($"integrator/sites/{house.Site.Id}/queries/{query.Id}/results/{page}{tail}");
            Assert.True(answer.Status == expected, answer.ToString());
            Assert.NotEmpty(answer.Error.Message);
        }
    }

    [Fact]
    public async Task An_export_without_rows_still_tells_its_columns()
    {
        var query = await house.ExportAsync("SELECT 1 AS one, 'x' AS two WHERE 1 = 0");
        Assert.Equal(0, query.Result!.Rows);
        Assert.Equal(["one", "two"], query.Result.Columns!.Select(c => c.Name));
        Assert.Equal(new ResultPage(1, PageStatus.Cached, 2, new(0, null, null)), Assert.Single(query.Result.Pages!));
        var page = await house.Integrator.GetAsync($"integrator/sites/{house.Site.Id}/queries/{query.Id}/results/1");
        Assert.Equal(("0", false, false), (page.Headers.GetValues("Rows-Count").Single(), page.Headers.Contains("Rows-Range-Start"), page.Headers.Contains("Rows-Range-End")));
    }

    static string Digest(HttpResponseMessage response) => string.Concat(
        (response.Headers.TryGetValues("Content-Digest", out var values) ? values : response.Content.Headers.GetValues("Content-Digest")));

    async Task<HttpResponseMessage> GetAsync(Uri path, string encoding)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue(encoding));
        return await house.Integrator.Http.SendAsync(request);
    }
}

using System.Globalization;
using System.IO.Compression;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Halo.Api.Results.Formats;
using Halo.Api.Settings;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Results.Formats;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Enrolment;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Results;

public class ResultDocumentTests(OneHost one) : IClassFixture<OneHost>
{
    static readonly ResultColumn[] Columns = [new("id", SqlType.BigInt, "bigint"), new("name", SqlType.NVarChar, "text")];
    readonly ApiHost _host = one.Host;

    /// <summary>An async query whose pages have arrived; not reported complete yet.</summary>
    sealed record Delivered(ApiHost Host, SimulatedLink Link, string Key, string Path, Claim Claim, byte[][] Pages, int Rows) : IAsyncDisposable
    {
        public async Task CompleteAsync() => Assert.True((await Link.ReportAsync(Claim.QueryId, new Report(Claim.ClaimId, ReportKind.Complete)
        {
            Rows = Rows,
            Size = 1,
            PageCount = Pages.Length,
            ResultSets = 1,
            Digest = Convert.ToBase64String(SHA256.HashData([.. Pages.SelectMany(SHA256.HashData)])),
        })).Accepted);

        public async Task<HttpResponseMessage> GetAsync(string rest = "", string? accept = null, string? integers = null)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"{Path}/{Claim.QueryId}/results{rest}");
            request.Headers.Add("Ocp-Apim-Subscription-Key", Key);
            if (accept is not null)
                request.Headers.TryAddWithoutValidation("Accept", accept);
            if (integers is not null)
                request.Headers.Add("Halo-Integers", integers);
            return await Host.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        }

        public ValueTask DisposeAsync() => Link.DisposeAsync();
    }

    async Task<Delivered> DeliverAsync(params string[] pages)
    {
        var link = new SimulatedLink(_host) { PmsId = Guid.NewGuid().ToString() };
        await link.StartAsync();
        var key = await _host.CreatePairedAsync(link.SiteId);
        var path = $"/integrator/sites/{link.SiteId}/queries";
        using var asked = await _host.SendAsync(HttpMethod.Post, $"{path}/async", """{ "command": { "text": "SELECT id, name FROM t" } }""", key);
        var claim = Assert.Single(await link.ClaimAsync());
        await link.ReportAsync(claim.QueryId, new Report(claim.ClaimId, ReportKind.Reading) { Columns = Columns });
        var rows = 0;
        var stored = pages.Select(Compress).ToArray();
        for (var i = 0; i < pages.Length; i++)
        {
            var count = pages[i].Split("{").Length - 1;
            var page = TestPage.Of(pages[i], count) with { Start = rows };
            using var answer = await page.PutAsync(_host, link, claim, i + 1);
            Assert.True(answer.IsSuccessStatusCode);
            rows += count;
        }
        return new Delivered(_host, link, key, path, claim, stored, rows);
    }

    static byte[] Compress(string json) => TestPage.Compress(Encoding.UTF8.GetBytes(json));

    [Fact]
    public async Task All_pages_are_one_document_in_the_form_that_is_accepted()
    {
        await using var result = await DeliverAsync("""[{"id":1,"name":"O'Neil, \"x\""},{"id":2,"name":null}]""", """[{"id":9223372036854775807,"name":""}]""");
        await result.CompleteAsync();
        using var array = await result.GetAsync();
        Assert.Equal("application/json", array.Content.Headers.ContentType!.ToString());
        Assert.Equal("""[{"id":1,"name":"O'Neil, \"x\""},{"id":2,"name":null},{"id":9223372036854775807,"name":""}]""", await array.Content.ReadAsStringAsync());
        using var lines = await result.GetAsync(accept: "application/x-ndjson");
        Assert.Equal("application/x-ndjson", lines.Content.Headers.ContentType!.ToString());
        Assert.Equal("""
            {"id":1,"name":"O'Neil, \"x\""}
            {"id":2,"name":null}
            {"id":9223372036854775807,"name":""}

            """.ReplaceLineEndings("\n"), await lines.Content.ReadAsStringAsync());
        using var csv = await result.GetAsync(accept: "text/csv");
        Assert.Equal("text/csv", csv.Content.Headers.ContentType!.MediaType);
        Assert.Equal("id,name\r\n1,\"O'Neil, \"\"x\"\"\"\r\n2,\r\n9223372036854775807,\"\"\r\n", await csv.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Sixty_four_bit_integers_are_strings_where_asked_in_the_document_and_in_pages()
    {
        await using var result = await DeliverAsync("""[{"id":9007199254740993,"name":"1"}]""");
        await result.CompleteAsync();
        const string expected = """[{"id":"9007199254740993","name":"1"}]""";
        using var document = await result.GetAsync(integers: "string");
        Assert.Equal(expected, await document.Content.ReadAsStringAsync());
        using var page = await result.GetAsync("/1", integers: "string");
        var content = (await System.Net.Http.Json.HttpContentJsonExtensions.ReadFromJsonAsync(page.Content, Halo.Contracts.Json.HaloJson.Default.PageContent))!;
        Assert.Equal(expected, Encoding.UTF8.GetString(Convert.FromBase64String(content.Data)));
        Assert.Equal(expected.Length.ToString(CultureInfo.InvariantCulture), page.Headers.GetValues("Size").Single());
        using var stream = await result.GetAsync("/1/stream", integers: "string");
        Assert.Equal(expected, await stream.Content.ReadAsStringAsync());
        using var plain = await result.GetAsync("/1/stream", integers: "number");
        Assert.Equal("""[{"id":9007199254740993,"name":"1"}]""", await plain.Content.ReadAsStringAsync());
        using var nonsense = await result.GetAsync(integers: "words");
        await nonsense.ErrorAsync(400);
    }

    [Fact]
    public async Task Before_success_it_is_a_conflict_and_the_pages_are_there_already()
    {
        await using var result = await DeliverAsync("""[{"id":1,"name":"a"}]""");
        using var early = await result.GetAsync();
        Assert.Equal("Conflict", (await early.ErrorAsync(409)).Code);
        await result.CompleteAsync();
        using var late = await result.GetAsync();
        Assert.Equal(200, (int)late.StatusCode);
        using var refused = await result.GetAsync(accept: "*/*;q=0");
        Assert.Equal("NotAcceptable", (await refused.ErrorAsync(406)).Code);
    }

    [Fact]
    public async Task A_result_without_rows_is_a_whole_document()
    {
        await using var result = await DeliverAsync("[]");
        await result.CompleteAsync();
        using var array = await result.GetAsync();
        Assert.Equal("[]", await array.Content.ReadAsStringAsync());
        using var csv = await result.GetAsync(accept: "text/csv");
        Assert.Equal([["id", "name"]], Csv.Parse(await csv.Content.ReadAsStringAsync()));
    }

    [Fact]
    public async Task A_query_that_failed_is_gone()
    {
        await using var result = await DeliverAsync();
        await result.Link.ReportAsync(result.Claim.QueryId, new Report(result.Claim.ClaimId, ReportKind.Failed) { Executed = Executed.No });
        using var gone = await result.GetAsync();
        await gone.ErrorAsync(410);
    }

    string[] FilesOf(Claim claim, string pattern = "*.page") =>
        [.. Directory.GetFiles(Path.Combine(_host.Services.GetRequiredService<ApiOptions>().DataDirectory, "pages"), pattern, SearchOption.AllDirectories)
            .Where(f => f.Contains(claim.QueryId.ToString(), StringComparison.Ordinal))];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_page_that_the_service_has_lost_is_its_failure_and_not_the_end_of_retention(bool damaged)
    {
        await using var result = await DeliverAsync("""[{"id":1,"name":"a"}]""");
        await result.CompleteAsync();
        var file = Assert.Single(FilesOf(result.Claim));
        if (damaged)
            await File.WriteAllBytesAsync(file, (await File.ReadAllBytesAsync(file))[..^1]);
        else
            File.Delete(file);
        foreach (var rest in (string[])["", "/1", "/1/stream"])
        {
            using var answer = await result.GetAsync(rest);
            var error = await answer.ErrorAsync(500);
            Assert.Equal("InternalError", error.Code);
            Assert.DoesNotContain("may succeed", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task No_file_stays_of_a_query_that_failed_also_none_that_the_manifest_never_had()
    {
        await using var result = await DeliverAsync("""[{"id":1,"name":"a"}]""");
        var file = Assert.Single(FilesOf(result.Claim));
        // As after a kill between file and row.
        await _host.Services.GetRequiredService<Halo.Api.Storage.Database>().CommitAsync(
            new("DELETE FROM pages WHERE query_id = @id", ("id", result.Claim.QueryId)));
        Assert.True((await result.Link.ReportAsync(result.Claim.QueryId, new Report(result.Claim.ClaimId, ReportKind.Failed) { Executed = Executed.No })).Accepted);
        await Until.TrueAsync(() => Task.FromResult(!File.Exists(file)));
    }

    [Fact]
    public async Task Another_page_with_a_number_that_is_taken_leaves_no_file()
    {
        await using var result = await DeliverAsync("""[{"id":1,"name":"a"}]""");
        var other = Compress("""[{"id":2,"name":"b"}]""");
        foreach (var (body, rows, status) in new[] { (other, 1, 409), (result.Pages[0], 1, 200), (result.Pages[0], 7, 400) })
        {
            using var answered = await new TestPage(body, 21, rows).PutAsync(_host, result.Link, result.Claim, 1);
            Assert.Equal(status, (int)answered.StatusCode);
            Assert.Single(FilesOf(result.Claim));
        }
        await result.CompleteAsync();
        using var whole = await result.GetAsync();
        Assert.Equal("""[{"id":1,"name":"a"}]""", await whole.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_page_that_is_lost_half_way_never_ends_in_order()
    {
        await using var result = await DeliverAsync($$"""[{"id":1,"name":"{{new string('x', 300_000)}}"}]""", """[{"id":2,"name":"b"}]""");
        await result.CompleteAsync();
        foreach (var file in Directory.GetFiles(_host.Services.GetRequiredService<ApiOptions>().DataDirectory, "000002-*.page", SearchOption.AllDirectories)
            .Where(f => f.Contains(result.Claim.QueryId.ToString(), StringComparison.Ordinal)))
        {
            File.Delete(file);
        }
        // The abort may overtake what was written before it, the headers too.
        await Assert.ThrowsAnyAsync<HttpRequestException>(async () =>
        {
            using var cut = await result.GetAsync();
            await cut.Content.ReadAsStringAsync();
        });
    }
}

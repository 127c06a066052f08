using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;
using Halo.Testing;

namespace Halo.Api.Tests.Queries.Surveys;

/// <summary>Some practices with a Link each, and the integrator that is paired with all of them.</summary>
sealed class SurveyHouse(ApiHost host, string key, Guid integrator, IReadOnlyList<SimulatedLink> links) : IAsyncDisposable
{
    public const string Count = "\"command\": { \"text\": \"SELECT COUNT(*) AS n FROM patients\" }";

    /// <summary>At every site.</summary>
    public const string All = $"{{ \"filter\": {{}}, {Count} }}";

    public ApiHost Host => host;

    public string Key => key;

    public Guid Integrator => integrator;

    /// <summary>In the order of their sites' ids.</summary>
    public IReadOnlyList<SimulatedLink> Links => links;

    public static async Task<SurveyHouse> StartAsync(ApiHost host, int practices)
    {
        var links = new List<SimulatedLink>();
        var (integrator, key, _) = await host.CreateIntegratorAsync();
        for (var i = 0; i < practices; i++)
        {
            var link = new SimulatedLink(host) { PmsId = Guid.NewGuid().ToString() };
            await link.StartAsync();
            await host.AdminAsync(HttpMethod.Put, $"/admin/v1/integrators/{integrator}/pairings/{link.SiteId}");
            links.Add(link);
        }
        return new(host, key, integrator, [.. links.OrderBy(l => l.SiteId)]);
    }

    /// <summary>The same practices at another run of the service; their Links are not there yet.</summary>
    public SurveyHouse MovedTo(ApiHost other) => new(other, key, integrator, [.. links.Select(l => l.Clone(other))]);

    /// <summary>A call under the integrator's surveys.</summary>
    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path = "", string? body = null, string? idempotencyKey = null, string? tag = null)
    {
        using var request = new HttpRequestMessage(method, "/integrator/queries" + path);
        request.Headers.Add("Ocp-Apim-Subscription-Key", key);
        if (idempotencyKey is not null)
            request.Headers.Add("Idempotency-Key", idempotencyKey);
        if (tag is not null)
            request.Headers.Add("Halo-Tag", tag);
        if (body is not null)
            request.Content = new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        return await host.Client.SendAsync(request);
    }

    public async Task<Survey> BeginAsync(string body, string? tag = null)
    {
        using var begun = await SendAsync(HttpMethod.Post, body: body, tag: tag);
        Assert.True(201 == (int)begun.StatusCode, await begun.Content.ReadAsStringAsync());
        var survey = await ReadAsync(begun);
        Assert.Equal($"/integrator/queries/{survey.Id}", begun.Headers.Location?.ToString());
        return survey;
    }

    public static async Task<Survey> ReadAsync(HttpResponseMessage response) => (await response.Content.ReadFromJsonAsync(HaloJson.Default.Survey))!;

    public async Task<Survey> GetAsync(Guid id)
    {
        using var response = await SendAsync(HttpMethod.Get, $"/{id}");
        Assert.Equal(200, (int)response.StatusCode);
        return await ReadAsync(response);
    }

    public Task<Survey> WhenAsync(Guid id, Func<Survey, bool> enough) => Eventually.BecomesAsync(() => GetAsync(id), enough);

    public Task<Survey> WhenFinishedAsync(Guid id) => WhenAsync(id, s => s.Status == SurveyStatus.Finished);

    public async Task<SurveySiteList> SitesAsync(Guid id, string query = "")
    {
        using var response = await SendAsync(HttpMethod.Get, $"/{id}/sites{query}");
        Assert.True(200 == (int)response.StatusCode, await response.Content.ReadAsStringAsync());
        return (await response.Content.ReadFromJsonAsync(HaloJson.Default.SurveySiteList))!;
    }

    public async Task<string> RowsAsync(Guid id, string query = "")
    {
        using var response = await SendAsync(HttpMethod.Get, $"/{id}/results{query}");
        Assert.True(200 == (int)response.StatusCode, await response.Content.ReadAsStringAsync());
        Assert.Equal("application/x-ndjson", response.Content.Headers.ContentType?.MediaType);
        return await response.Content.ReadAsStringAsync();
    }

    /// <summary>The next query that is there for a Link.</summary>
    public static async Task<Claim> ClaimAsync(SimulatedLink link) => (await Eventually.BecomesAsync(() => link.ClaimAsync(), claims => claims.Count > 0))[0];

    /// <summary>Answers a query with a page of rows.</summary>
    public async Task AnswerAsync(SimulatedLink link, Claim claim, string json = """[{"n":1}]""", IReadOnlyList<ResultColumn>? columns = null)
    {
        await link.ReportAsync(claim.QueryId, new(claim.ClaimId, ReportKind.Reading) { Columns = columns ?? [new ResultColumn("n", SqlType.BigInt, "INTEGER")] });
        using var rows = JsonDocument.Parse(json);
        var page = TestPage.Of(json, rows.RootElement.GetArrayLength());
        using var stored = await page.PutAsync(host, link, claim, 1);
        Assert.True(stored.IsSuccessStatusCode, await stored.Content.ReadAsStringAsync());
        Assert.True((await link.ReportAsync(claim.QueryId, new(claim.ClaimId, ReportKind.Complete)
        {
            Rows = page.Rows,
            Size = page.Size,
            PageCount = 1,
            ResultSets = 1,
            Digest = Convert.ToBase64String(SHA256.HashData(SHA256.HashData(page.Bytes))),
        })).Accepted);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var link in links)
            await link.DisposeAsync();
    }
}

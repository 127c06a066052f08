using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Halo.Api.Ledger.Registered;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Enrolment;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Halo.LinkProtocol.Rows;

namespace Halo.Api.Tests.Queries.Registered;

/// <summary>A paired site whose simulated Link runs registered queries, told and asked as a Link does it.</summary>
sealed class RegisteredSite(PairedSite site) : IAsyncDisposable
{
    public PairedSite Site => site;

    public static async Task<RegisteredSite> CreateAsync(ApiHost host, params string[] capabilities)
    {
        if (capabilities.Length == 0)
            capabilities = [Hello.RunsRegisteredQueries];
        var link = new SimulatedLink(host) { PmsId = Guid.NewGuid().ToString() };
        await link.EnrolAsync();
        await link.ConnectAsync(link.Hello() with { Capabilities = capabilities });
        return new(new PairedSite(host, link, await host.CreatePairedAsync(link.SiteId)));
    }

    public static string Body(string more = "", int frequency = 60, int duration = 3600) =>
        $$"""{ "name": "Today", "registeredQueryType": "query", "frequency": {{frequency}}, "duration": {{duration}}, "registerCommand": { "command": { "text": "SELECT 1 AS id" } }{{more}} }""";

    public async Task<Guid> RegisterAsync(string more = "", int duration = 3600)
    {
        using var response = await site.SendAsync(HttpMethod.Post, "/registered", Body(more, duration: duration));
        Assert.Equal(202, (int)response.StatusCode);
        return JsonSerializer.Deserialize(await response.Content.ReadAsStringAsync(), HaloJson.Default.RegisteredQueryAccepted)!.Id;
    }

    public async Task<RegisteredQuery> FindAsync(Guid id)
    {
        using var response = await site.SendAsync(HttpMethod.Get, $"/registered/{id}");
        Assert.Equal(200, (int)response.StatusCode);
        return JsonSerializer.Deserialize(await response.Content.ReadAsStringAsync(), HaloJson.Default.RegisteredQuery)!;
    }

    public async Task<RegisteredList> ListForLinkAsync()
    {
        using var response = await AskAsLinkAsync(HttpMethod.Get, LinkHttp.RegisteredPath);
        return JsonSerializer.Deserialize(await response.Content.ReadAsStringAsync(), ProtocolJson.Default.RegisteredList)!;
    }

    public async Task<RegisteredDefinition> DefinitionAsync(Guid id)
    {
        using var response = await AskAsLinkAsync(HttpMethod.Get, LinkHttp.RegisteredPathOf(id));
        Assert.Equal(200, (int)response.StatusCode);
        return JsonSerializer.Deserialize(await response.Content.ReadAsStringAsync(), ProtocolJson.Default.RegisteredDefinition)!;
    }

    /// <summary>Tells a result, as its run number so and so.</summary>
    public Task<HttpResponseMessage> TellAsync(Guid id, long run, string rows, string[]? key = null, string? hash = null, long? size = null, SimulatedLink? by = null)
    {
        var json = Encoding.UTF8.GetBytes(rows);
        return TellAsync(id, new RegisteredReport(new(run, 0))
        {
            Hash = hash ?? (key is null ? Convert.ToHexStringLower(SHA256.HashData(json)) : KeyedRows.Read(json, key).Hash()),
            Rows = JsonDocument.Parse(json).RootElement.GetArrayLength(),
            Size = size ?? json.Length,
            Columns = [new("id", SqlType.BigInt, "INTEGER")],
        }, RegisteredResults.Compress(json), by);
    }

    public Task<HttpResponseMessage> FailAsync(Guid id, long run, ErrorDetails error, bool forbidden = false) =>
        TellAsync(id, new RegisteredReport(new(0, run)) { Error = error, Forbidden = forbidden }, []);

    public Task<HttpResponseMessage> TellAsync(Guid id, RegisteredReport report, byte[] rows, SimulatedLink? by = null)
    {
        var head = JsonSerializer.SerializeToUtf8Bytes(report, ProtocolJson.Default.RegisteredReport);
        var body = new byte[AnswerPayload.LengthBytes + head.Length + rows.Length];
        rows.CopyTo(body, AnswerPayload.WriteHead(body, head));
        return AskAsLinkAsync(HttpMethod.Put, LinkHttp.RegisteredReportPath(id), body, by);
    }

    public async Task<HttpResponseMessage> AskAsLinkAsync(HttpMethod method, string path, byte[]? body = null, SimulatedLink? by = null)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Authorization = new("Bearer", await (by ?? site.Link).TokenAsync());
        if (body is not null)
            request.Content = new ByteArrayContent(body) { Headers = { ContentType = new("application/octet-stream") } };
        return await site.Host.Client.SendAsync(request);
    }

    public async Task<string> ChangesAsync(Guid id, string after = "")
    {
        using var response = await site.SendAsync(HttpMethod.Get, $"/registered/{id}/changes{after}");
        Assert.Equal(200, (int)response.StatusCode);
        return await response.Content.ReadAsStringAsync();
    }

    public ValueTask DisposeAsync() => site.DisposeAsync();
}

using System.Text.Json;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Endings;

/// <summary>The real programs before a practice that is watched.</summary>
public sealed class EndingsHouse : IAsyncDisposable
{
    /// <summary>Of the Link, as they are by default.</summary>
    public const int ImmediateLanes = 4, AsyncLanes = 2;

    EndingsHouse(HaloFixture fixture, LinkProgram link, Site site, IntegratorClient integrator, EndingsPractice practice) =>
        (Fixture, Link, Site, Integrator, Practice) = (fixture, link, site, integrator, practice);

    public HaloFixture Fixture { get; }

    public LinkProgram Link { get; }

    public Site Site { get; }

    public IntegratorClient Integrator { get; }

    public EndingsPractice Practice { get; }

    string Queries => $"integrator/sites/{Site.Id}/queries";

    public static async Task<EndingsHouse> OpenAsync(Func<HaloFixture, Task<EndingsPractice>> practice, params (string, string)[] settings)
    {
        var fixture = await HaloFixture.StartAsync(settings);
        try
        {
            var made = await practice(fixture);
            await made.PrepareAsync();
            var (link, site, integrator) = await fixture.AddPairedAsync(made.Site);
            return new(fixture, link, site, integrator, made);
        }
        catch
        {
            await fixture.DisposeAsync();
            throw;
        }
    }

    public static string Body(string sql, string mode = "reader", int? timeout = null, int? maxTimeInQueue = null, object[]? parameters = null) =>
        JsonSerializer.Serialize(new { maxTimeInQueue, command = new { text = sql, executionMode = mode, timeout, parameters } });

    public Task<Answer> AskAsync(string body, params (string, string)[] headers) => Integrator.SendAsync(HttpMethod.Post, $"{Queries}/immediate", body, headers);

    public async Task<Guid> QueueAsync(string body, params (string, string)[] headers)
    {
        var answer = await Integrator.SendAsync(HttpMethod.Post, $"{Queries}/async", body, headers);
        Assert.True((int)answer.Status == 201, answer.ToString());
        return answer.Query.Id;
    }

    public Task<Answer> DeleteAsync(Guid query) => Integrator.SendAsync(HttpMethod.Delete, $"{Queries}/{query}");

    public Task<Query> WhenFinalAsync(Guid query) => Integrator.WhenFinalAsync(Site.Id, query);

    public Task<Query> WhenAsync(Guid query, QueryStatus status) => Eventually.BecomesAsync(() => Integrator.FindAsync(Site.Id, query), q => q.Status == status);

    /// <summary>The query that was sent with this tag, once it is in the ledger.</summary>
    public async Task<Guid> TaggedAsync(string tag)
    {
        var found = await Eventually.BecomesAsync(() => Integrator.GetAsync($"{Queries}?tag={tag}"), a => a.Body.Contains("\"id\":", StringComparison.Ordinal));
        using var body = JsonDocument.Parse(found.Body);
        return body.RootElement.GetProperty("queries")[0].GetProperty("id").GetGuid();
    }

    public Task WhenBusyAsync() => Eventually.BecomesAsync(Practice.IsExecutingAsync, busy => busy);

    /// <summary>Nothing runs in the database, every lane of the Link is free, and each runs the next query.</summary>
    public async Task RestsAsync()
    {
        await Eventually.BecomesAsync(Practice.IsBusyAsync, busy => !busy);
        await Eventually.BecomesAsync(Link.StatusAsync, s => s["work"]!.AsObject().All(w => w.Value!.GetValue<int>() == 0));
        foreach (var next in await Task.WhenAll(Enumerable.Range(0, 2 * ImmediateLanes).Select(_ => AskAsync(Body("SELECT COUNT(*) AS n FROM touched")))))
            Assert.True((int)next.Status == 200, next.ToString());
        foreach (var id in await Task.WhenAll(Enumerable.Range(0, 2 * AsyncLanes).Select(_ => QueueAsync(Body("SELECT COUNT(*) AS n FROM touched")))))
            Assert.Equal(QueryStatus.Successful, (await WhenFinalAsync(id)).Status);
    }

    public ValueTask DisposeAsync() => Fixture.DisposeAsync();
}

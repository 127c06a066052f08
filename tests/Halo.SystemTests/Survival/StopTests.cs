using System.Net;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Survival;

/// <summary>Each program stops in order, with exit code 0, within five seconds, whatever it is doing.</summary>
[Collection(nameof(Alone))]
public sealed class StopTests(SharedPostgres postgres)
{
    /// <summary>The promise itself is a time.</summary>
    static readonly TimeSpan Promise = TimeSpan.FromSeconds(5);

    [Theory]
    [InlineData("SIGTERM")]
    [InlineData("SIGINT")]
    public async Task Both_stop_while_idle(string signal)
    {
        IgnoredSignals.SkipWhereIgnored(signal);
        await using var fixture = await HaloFixture.StartAsync();
        var (link, site, _) = await fixture.AddPairedAsync(new LinkSite("sqlite", fixture.SqliteFile()));
        await StopsAsync(link.Process, signal);
        await Eventually.BecomesAsync(link.FindSitesAsync, sites => sites.Single(s => s.Id == site.Id).Availability == SiteAvailability.Offline);
        await StopsAsync(fixture.Api.Process, signal);
    }

    [Fact]
    public async Task The_API_stops_in_order_when_its_terminal_goes()
    {
        IgnoredSignals.SkipWhereIgnored("SIGHUP");
        await using var fixture = await HaloFixture.StartAsync();
        await StopsAsync(fixture.Api.Process, "SIGHUP");
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task The_Link_stops_while_queries_run(string engine)
    {
        await using var fixture = await HaloFixture.StartAsync();
        var (link, site, integrator) = await fixture.AddPairedAsync(await PracticeAsync(fixture, engine));
        var (queued, immediate) = await BeginLongQueriesAsync(link, integrator, site.Id, engine);

        await StopsAsync(link.Process);

        Assert.NotEqual(HttpStatusCode.OK, (await immediate).Status);
        // What a stop could not tell in its few seconds the next start settles from the journal.
        await link.StartAsync();
        Assert.Equal(QueryStatus.ExecutionFailed, (await integrator.WhenFinalAsync(site.Id, queued)).Status);
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task The_API_stops_while_queries_run(string engine)
    {
        await using var fixture = await HaloFixture.StartAsync();
        var (link, site, integrator) = await fixture.AddPairedAsync(await PracticeAsync(fixture, engine));
        var (_, immediate) = await BeginLongQueriesAsync(link, integrator, site.Id, engine);
        await StopsAsync(fixture.Api.Process);
        // An answer that says so, or a connection that ended: either is an end.
        await Task.WhenAny(immediate);
    }

    [Fact]
    public async Task The_Link_stops_while_the_API_is_dead()
    {
        await using var fixture = await HaloFixture.StartAsync();
        var (link, _, _) = await fixture.AddPairedAsync(new LinkSite("sqlite", fixture.SqliteFile()));
        await fixture.Api.Process.KillAsync();
        await StopsAsync(link.Process);
    }

    [Fact]
    public async Task The_Link_stops_while_the_API_is_silent()
    {
        await using var fixture = await HaloFixture.StartAsync();
        var (link, _, _) = await fixture.AddPairedAsync(new LinkSite("sqlite", fixture.SqliteFile()));
        fixture.Api.Process.Pause();
        await StopsAsync(link.Process);
    }

    [Fact]
    public async Task The_Link_stops_where_it_never_reached_the_API()
    {
        await using var fixture = HaloFixture.Create();
        var link = fixture.AddLink(new LinkSite("sqlite", fixture.SqliteFile()));
        await link.LaunchAsync();
        await link.Process.WaitForLineAsync(_ => true);
        await StopsAsync(link.Process);
    }

    [Fact]
    public async Task The_API_stops_while_the_Link_is_silent()
    {
        await using var fixture = await HaloFixture.StartAsync();
        var (link, _, _) = await fixture.AddPairedAsync(new LinkSite("sqlite", fixture.SqliteFile()));
        link.Process.Pause();
        await StopsAsync(fixture.Api.Process);
    }

    [Fact]
    public async Task The_API_stops_while_the_Link_is_dead()
    {
        await using var fixture = await HaloFixture.StartAsync();
        var (link, site, integrator) = await fixture.AddPairedAsync(new LinkSite("sqlite", fixture.SqliteFile()));
        var (_, immediate) = await BeginLongQueriesAsync(link, integrator, site.Id, "sqlite");
        await link.Process.KillAsync();
        await StopsAsync(fixture.Api.Process);
        await Task.WhenAny(immediate);
    }

    async Task<LinkSite> PracticeAsync(HaloFixture fixture, string engine) =>
        new(engine, engine == "sqlite" ? fixture.SqliteFile() : await postgres.Server.CreateDatabaseAsync());

    static async Task<(Guid Queued, Task<Answer> Immediate)> BeginLongQueriesAsync(LinkProgram link, IntegratorClient integrator, Guid site, string engine)
    {
        var queued = (await integrator.QueueAsync(site, Sql.Endless(engine))).Query.Id;
        var immediate = integrator.ImmediateAsync(site, Sql.Endless(engine));
        await link.WhenAsyncRunAsync(1);
        return (queued, immediate);
    }

    static async Task StopsAsync(HaloProcess process, string signal = "SIGTERM")
    {
        if (signal == "SIGINT")
            process.Interrupt();
        else if (signal == "SIGHUP")
            process.HangUp();
        else
            process.Terminate();
        if (await Task.WhenAny(process.Exited, Task.Delay(Promise)) != process.Exited)
            Assert.Fail($"Still there five seconds after {signal}. It wrote:\n{process.Output}");
        Assert.True(await process.Exited == 0, $"Exit code {await process.Exited}. It wrote:\n{process.Output}");
    }
}

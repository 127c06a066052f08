using System.Net;
using Halo.Bench.Load;
using Halo.Testing.Processes;

namespace Halo.Bench.Stands;

/// <summary>API and Link as processes beside a PostgreSQL, with an integrator who is paired; gone when disposed.</summary>
sealed class HaloStand : IAsyncDisposable
{
    HaloStand(HaloFixture fixture, LinkProgram link, Guid site, IntegratorClient integrator) =>
        (Fixture, Link, Site, Integrator) = (fixture, link, site, integrator);

    public HaloFixture Fixture { get; }

    public ApiProgram Api => Fixture.Api;

    public LinkProgram Link { get; }

    public Guid Site { get; }

    public IntegratorClient Integrator { get; }

    /// <param name="connectionString">The practice's database.</param>
    /// <param name="dialled">Where the Link dials, given the API's port; null: straight to the API.</param>
    /// <param name="settings">The API's, as environment variables.</param>
    /// <param name="engine">Of the practice's database.</param>
    public static async Task<HaloStand> StartAsync(
        string connectionString, Func<int, Uri>? dialled = null, string engine = "postgres", params (string Name, string Value)[] settings)
    {
        var fixture = HaloFixture.Create([("Logging__LogLevel__Default", "Warning"), .. settings]);
        LinkProgram? link = null;
        try
        {
            await fixture.Api.StartAsync();
            link = new LinkProgram(fixture.Api, Path.Combine(fixture.TemporaryDirectory, "link"),
                [new LinkSite(engine, connectionString)],
                dialled is null ? null : new() { ["api"] = dialled(fixture.Api.Address.Port).ToString().TrimEnd('/') });
            var site = (await link.StartAsync())[0].Id;
            var integrator = await fixture.MakeIntegratorAsync();
            await fixture.Api.PairAsync(integrator, site);
            return new HaloStand(fixture, link, site, integrator);
        }
        catch
        {
            if (link is not null)
                await link.DisposeAsync();
            await fixture.DisposeAsync();
            throw;
        }
    }

    /// <summary>Stops both in order, lets <paramref name="change"/> at the API's store, starts both again.</summary>
    public async Task RefillAsync(Func<string, Task> change)
    {
        await StopAsync();
        await change(Path.Combine(Api.DataDirectory, "halo.db"));
        await Api.StartAsync();
        await Link.LaunchAsync();
        // Not by the operator's list of sites: that has pages by now.
        await Link.Process.UntilAsync(() => Integrator.ImmediateAsync(Site, PracticeData.SelectOne), answer => answer.Status == HttpStatusCode.OK);
    }

    /// <summary>Stops both in order.</summary>
    public async Task StopAsync()
    {
        await StopAsync(Link.Process);
        await StopAsync(Api.Process);
    }

    /// <summary>An immediate query as the load driver sends it.</summary>
    public LoadOrder Immediate(string sql, int callers, string? accept = null, string mode = "reader", IEnumerable<IntegratorClient>? integrators = null) => new(callers)
    {
        Port = Api.Address.Port,
        Requests = [.. (integrators ?? [Integrator]).Select(i => HttpText.Post(Api.Address.Port, $"/integrator/sites/{Site}/queries/immediate",
            IntegratorClient.Body(sql, mode), $"Ocp-Apim-Subscription-Key: {i.Key}", accept is null ? null : $"Accept: {accept}"))],
    };

    public async ValueTask DisposeAsync()
    {
        await Link.DisposeAsync();
        await Fixture.DisposeAsync();
    }

    static async Task StopAsync(HaloProcess process)
    {
        process.Terminate();
        await process.Exited.WaitAsync(TimeSpan.FromSeconds(60));
    }
}

using System.Globalization;
using System.Net;
using Halo.Contracts.Queries;
using Halo.Testing;
using Halo.Testing.Processes;
using Npgsql;

namespace Halo.SystemTests.Fuzz;

/// <summary>
/// Spoiled requests by the thousand against the real programs. HALO_FUZZ_REQUESTS says how many for each kind of practice (default 4000), HALO_FUZZ_SEED
/// which (default 1: the same requests each time, so that a change is judged and not its luck).
/// </summary>
[Collection(nameof(Alone))]
public sealed class FuzzTests(SharedPostgres postgres, ITestOutputHelper output)
{
    /// <summary>Of queries: so short that no spoiled statement holds the run up.</summary>
    const string Limit = "2000";

    static readonly (string, string)[] Limits = [("Halo__Limits__ImmediateExecutionMs", Limit), ("Halo__Limits__AsyncExecutionMs", Limit), ("Logging__LogLevel__Default", "Warning")];

    [Fact]
    public async Task No_spoiled_request_breaks_or_holds_anything_on_SQLite()
    {
        await using var fixture = await HaloFixture.StartAsync(Limits);
        await RunAsync(fixture, "sqlite", fixture.SqliteFile(), fixture.SqliteFile("spare.db"));
    }

    [Fact]
    public async Task No_spoiled_request_breaks_or_holds_anything_on_PostgreSQL()
    {
        await using var fixture = await HaloFixture.StartAsync([.. Limits, .. await House.PostgresStoreAsync(postgres)]);
        var practice = await postgres.Server.CreateDatabaseAsync();
        await RunAsync(fixture, "postgres", practice, await postgres.Server.CreateDatabaseAsync());
        Assert.Equal(0, await Eventually.BecomesAsync(() => BusyAsync(practice), busy => busy == 0));
    }

    async Task RunAsync(HaloFixture fixture, string engine, string practice, string spare)
    {
        var seed = Number("HALO_FUZZ_SEED") ?? 1;
        var count = Number("HALO_FUZZ_REQUESTS") ?? 4000;
        output.WriteLine($"HALO_FUZZ_SEED={seed} HALO_FUZZ_REQUESTS={count}");
        var link = fixture.AddLink(new LinkSite(engine, practice), new LinkSite(engine, spare) { PracticeManagementSiteId = "2" });
        var sites = await link.StartAsync();
        var integrator = await fixture.MakeIntegratorAsync();
        await fixture.Api.PairAsync(integrator, sites[0].Id);
        var target = await FuzzTarget.PrepareAsync(fixture, engine, sites[0].Id, sites[1].Id, integrator);
        using var strange = target.Link;

        var volley = new Volley(fixture.Api.Address, new Spoiling(target, seed));
        var start = TimeProvider.System.GetTimestamp();
        // A first tenth fills pools and caches; what is measured is whether the rest lets anything grow.
        var marks = new List<Footprint>();
        foreach (var part in (int[])[count / 10, count * 55 / 100, count])
        {
            await volley.FireAsync(part);
            Assert.True(volley.Faults.IsEmpty,
                $"HALO_FUZZ_SEED={seed}\n{string.Join('\n', volley.Faults)}\nThe API wrote:\n{string.Join('\n', fixture.Api.Process.Lines.TakeLast(200))}");
            await RestsAsync(link, integrator, target.Site);
            marks.Add(Footprint.Of(fixture.Api.Process, link.Process));
            output.WriteLine($"{part} requests after {TimeProvider.System.GetElapsedTime(start).TotalSeconds:0} s: {marks[^1]}");
        }
        output.WriteLine(volley.Statuses);
        Assert.True(volley.Successes > count / 10, $"Most of it was turned away at the door: {volley.Statuses}");
        Assert.True(marks[2].IsFlatAfter(marks[1]), $"It grows: {string.Join("; ", marks)}");
        var good = await integrator.ImmediateAsync(target.Site, "SELECT 7 AS seven");
        Assert.True(good.Status == HttpStatusCode.OK, good.ToString());
        Assert.False(fixture.Api.Process.HasExited || link.Process.HasExited);
        var failures = fixture.Api.Process.Lines.Where(line => line.Contains("Halo.Api.Errors.ErrorShape", StringComparison.Ordinal)).ToList();
        Assert.True(failures.Count == 0, $"HALO_FUZZ_SEED={seed}: a caller who had left was spared this:\n{string.Join('\n', failures)}");
    }

    /// <summary>Every query is final, every lane free.</summary>
    static async Task RestsAsync(LinkProgram link, IntegratorClient integrator, Guid site)
    {
        foreach (var status in (QueryStatus[])[QueryStatus.Initialising, QueryStatus.Queued, QueryStatus.Executing, QueryStatus.Uploading])
        {
            var word = status.ToString();
            var path = $"integrator/sites/{site}/queries?limit=5&status={char.ToLowerInvariant(word[0])}{word[1..]}";
            await Eventually.BecomesAsync(() => integrator.GetAsync(path), a => a.Body.Contains("\"queries\":[]", StringComparison.Ordinal), TimeSpan.FromMinutes(3));
        }
        var free = await Eventually.BecomesAsync(link.StatusAsync, s => s["work"]!.AsObject().All(w => w.Value!.GetValue<int>() == 0));
        Assert.True(free["connected"]!.GetValue<bool>(), free.ToJsonString());
    }

    /// <summary>Connections to the practice that do anything, or hold anything.</summary>
    static async Task<long> BusyAsync(string practice)
    {
        await using var connection = new NpgsqlConnection(practice + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'", connection);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    static int? Number(string variable) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.Integer, CultureInfo.InvariantCulture, out var number) ? number : null;
}

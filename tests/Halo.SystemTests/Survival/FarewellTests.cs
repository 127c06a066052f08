using System.Text.Json.Nodes;
using Halo.Contracts.Queries;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Survival;

/// <summary>The last words of a Link that is stopped.</summary>
[Collection(nameof(Alone))]
public sealed class FarewellTests
{
    [Fact]
    public async Task What_waited_at_a_Link_that_stops_is_known_not_to_have_run_at_once_and_what_ran_ends_with_the_truth()
    {
        await using var fixture = await HaloFixture.StartAsync();
        var practice = fixture.SqliteFile();
        var (link, site, integrator) = await fixture.AddPairedAsync(new LinkSite("sqlite", practice),
            new JsonObject { ["lanes"] = new JsonObject { ["immediate"] = 1 } });
        Sql.Run(practice, "CREATE TABLE counting (id INTEGER)");
        var running = integrator.ImmediateAsync(site.Id, Sql.Endless("sqlite"));
        await Eventually.BecomesAsync(QueuesAsync, q => q.Running == 1);
        var waiting = integrator.ImmediateAsync(site.Id, "INSERT INTO counting VALUES (1)", "nonQuery");
        await Eventually.BecomesAsync(QueuesAsync, q => q.Waiting == 1);

        link.Process.Terminate();
        // Without last words both would wait for a minute and more.
        var second = (await waiting.WaitAsync(TimeSpan.FromSeconds(10))).Query;
        Assert.Equal((QueryStatus.ExecutionFailed, Executed.No, "LinkStopping"), (second.Status, second.Executed, second.ErrorDetails?.Code));
        var first = (await running.WaitAsync(TimeSpan.FromSeconds(10))).Query;
        Assert.True(
            (first.Executed, first.ErrorDetails?.Code) is (Executed.Unknown, "LinkLost") or (Executed.No, "LinkStopping"),
            $"{first.Status}, {first.Executed}: {first.ErrorDetails}");
        Assert.Equal(0, await link.Process.Exited);

        await link.StartAsync();
        foreach (var query in new[] { first, second })
            Assert.Equal((query.Status, query.Executed), await StandingAsync(query.Id));
        var count = await integrator.ImmediateAsync(site.Id, "SELECT COUNT(*) FROM counting", "scalar");
        Assert.Contains("0", System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(count.Query.Result!.Data!)), StringComparison.Ordinal);

        async Task<(QueryStatus, Executed?)> StandingAsync(Guid id)
        {
            var query = await integrator.FindAsync(site.Id, id);
            return (query.Status, query.Executed);
        }

        async Task<(int Waiting, int Running)> QueuesAsync()
        {
            var work = (await link.StatusAsync())["work"]!;
            return (work["immediateWaiting"]!.GetValue<int>(), work["immediateRunning"]!.GetValue<int>());
        }
    }
}

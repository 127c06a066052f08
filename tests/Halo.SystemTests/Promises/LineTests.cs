using System.Net;
using System.Text.Json.Nodes;
using Halo.Contracts.Queries;
using Halo.Testing;
using Halo.Testing.Proxy;

namespace Halo.SystemTests.Promises;

/// <summary>What becomes of sessions and immediate queries when the line between Link and API breaks.</summary>
[Collection(nameof(Alone))]
public sealed class LineTests
{
    /// <summary>Thirty seconds are promised, with the settings as they are given out; the rest is for a loaded machine.</summary>
    static readonly TimeSpan HalfOpenPromise = TimeSpan.FromSeconds(30 + 10);

    [Fact]
    public async Task A_half_open_line_is_found_within_thirty_seconds_by_both_ends()
    {
        await using var world = await BrokenLine.StartAsync(settings: [], api: []);
        world.Line.Set(LineMode.HalfOpen);
        var at = TimeProvider.System.GetTimestamp();
        await world.Fixture.Api.Process.WaitForLineAsync(l => l.Contains("is disconnected: Silent", StringComparison.Ordinal), HalfOpenPromise);
        await world.Link.Process.WaitForLineAsync(l => l.Contains("Not connected.", StringComparison.Ordinal), HalfOpenPromise);
        Assert.InRange(TimeProvider.System.GetElapsedTime(at), TimeSpan.FromSeconds(10), HalfOpenPromise);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_line_that_is_dead_in_one_direction_is_found_and_replaced(bool upwards)
    {
        await using var world = await BrokenLine.StartAsync();
        var direction = upwards ? world.Line.Up : world.Line.Down;
        direction.Mode = LineMode.HalfOpen;
        await world.Fixture.Api.Process.WaitForLineAsync(l => l.Contains("is disconnected", StringComparison.Ordinal));
        await world.Link.Process.WaitForLineAsync(l => l.Contains("Not connected.", StringComparison.Ordinal));
        direction.Mode = LineMode.Pass;
        await AnswersAsync(world);
    }

    [Fact]
    public async Task An_immediate_query_whose_line_is_cut_during_its_rows_is_never_answered_in_part()
    {
        await using var world = await BrokenLine.StartAsync();
        world.Line.Up.BytesPerSecond = 200_000;
        var running = world.Integrator.ImmediateAsync(world.Site.Id, Sql.Generated("sqlite", 20_000));
        var before = world.Line.Up.Bytes;
        await Eventually.BecomesAsync(() => Task.FromResult(world.Line.Up.Bytes - before), sent => sent > 100_000);
        world.Line.Cut();
        world.Line.Up.BytesPerSecond = 0;

        var answer = await running;
        Assert.NotEqual(HttpStatusCode.OK, answer.Status);
        Assert.Null(answer.Query.Result?.Data);
        Assert.NotEqual(Executed.No, answer.Query.Executed);
        // The command itself went on to its end, and the next session tells so.
        Assert.NotNull((await world.Integrator.WhenFinalAsync(world.Site.Id, answer.Query.Id)).CompletedAt);
        await AnswersAsync(world);
    }

    [Fact]
    public async Task A_write_whose_answer_was_cut_off_is_told_in_the_next_session_and_is_there_once()
    {
        await using var world = await BrokenLine.StartAsync();
        await CreateAsync(world);
        world.Line.Up.Mode = LineMode.HalfOpen;
        var running = world.Integrator.ImmediateAsync(world.Site.Id, "INSERT INTO counting (id) VALUES (1)", "nonQuery");
        await world.Fixture.Api.Process.WaitForLineAsync(l => l.Contains("is disconnected", StringComparison.Ordinal));
        world.Line.Up.Mode = LineMode.Pass;

        var answer = await running;
        Assert.True(answer.Status == HttpStatusCode.OK, answer.ToString());
        Assert.Equal(1, await CountAsync(world));
    }

    [Fact]
    public async Task A_slow_caller_or_line_is_not_taken_for_dead()
    {
        await using var world = await BrokenLine.StartAsync();
        world.Line.Up.BytesPerSecond = 100_000;
        var answer = await world.Integrator.ImmediateAsync(world.Site.Id, Sql.Generated("sqlite", 3000));
        Assert.True(answer.Status == HttpStatusCode.OK, answer.ToString());
        Assert.DoesNotContain(world.Fixture.Api.Process.Lines, l => l.Contains("is disconnected", StringComparison.Ordinal));
    }

    static async Task CreateAsync(BrokenLine world)
    {
        var made = await world.Integrator.ImmediateAsync(world.Site.Id, "CREATE TABLE counting (id INTEGER)", "nonQuery");
        Assert.True(made.Status == HttpStatusCode.OK, made.ToString());
    }

    static async Task<int> CountAsync(BrokenLine world)
    {
        var answer = await world.Integrator.ImmediateAsync(world.Site.Id, "SELECT COUNT(*) AS n FROM counting");
        return JsonNode.Parse(Convert.FromBase64String(answer.Query.Result!.Data!))![0]!["n"]!.GetValue<int>();
    }

    static async Task AnswersAsync(BrokenLine world)
    {
        await Eventually.BecomesAsync(() => world.Integrator.ImmediateAsync(world.Site.Id, "SELECT 1 AS one"), a => a.Status == HttpStatusCode.OK);
    }
}

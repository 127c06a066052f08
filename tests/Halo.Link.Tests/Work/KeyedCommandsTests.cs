using System.Text;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Journal;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Microsoft.Data.Sqlite;

namespace Halo.Link.Tests.Work;

/// <summary>Immediate queries whose request had an <c>Idempotency-Key</c>: the Link runs one query of a key, also where the API has forgotten the first.</summary>
public class KeyedCommandsTests
{
    const string Insert = "INSERT INTO patient (name) VALUES ('Bo')";

    [Fact]
    public async Task Another_query_of_a_key_that_ran_does_not_run_also_after_a_restart_of_the_Link()
    {
        await using var world = await World.StartAsync();
        var key = KeyHash.Of(Guid.NewGuid(), "pay once");
        Assert.Equal(Ending.Successful, (await AskAsync(world, Insert, key)).Ending);
        await AssertRefusedAsync(world, key);

        await world.Link.StopAsync();
        world.Link.Start();
        var session = await world.Api.NextSessionAsync();
        await session.WelcomeAsync();
        var after = world.With(session);
        await AssertRefusedAsync(after, key);
        Assert.Equal("[{\"n\":3}]", Encoding.UTF8.GetString((await after.AskAsync("SELECT COUNT(*) AS n FROM patient")).Rows));
        // Another key, another integrator's same key, and none, run.
        Assert.Equal(Ending.Successful, (await AskAsync(after, Insert, KeyHash.Of(Guid.NewGuid(), "pay once"))).Ending);
        Assert.Equal(Ending.Successful, (await AskAsync(after, Insert, null)).Ending);

        static async Task AssertRefusedAsync(World world, byte[] key)
        {
            var second = await AskAsync(world, Insert, key);
            Assert.Equal((Ending.Failed, Executed.Yes, FailureCodes.AlreadyExecuted, 409), (second.Ending, second.Executed, second.Error!.Code, second.Error.ErrorCode));
        }
    }

    [Fact]
    public async Task A_key_whose_query_the_database_did_not_do_is_free_for_the_next()
    {
        await using var world = await World.StartAsync();
        var key = KeyHash.Of(Guid.NewGuid(), "again");
        Assert.Equal(Executed.No, (await AskAsync(world, "INSERT INTO nowhere VALUES (1)", key)).Executed);
        Assert.Equal(Executed.No, (await AskAsync(world, "INSERT INTO patient (id) VALUES (1)", key)).Executed);
        Assert.Equal(Ending.Successful, (await AskAsync(world, Insert, key)).Ending);
        Assert.Equal(FailureCodes.AlreadyExecuted, (await AskAsync(world, Insert, key)).Error!.Code);
    }

    [Fact]
    public async Task While_the_first_runs_its_fate_is_unknown_and_the_second_does_not_run()
    {
        await using var world = await World.StartAsync();
        var key = KeyHash.Of(Guid.NewGuid(), "long");
        var first = Guid.NewGuid();
        const string forever = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) INSERT INTO patient (name) SELECT n FROM c WHERE n < 0";
        await world.Session.SendAsync(FrameKind.Execute, first, world.At(new(forever) { ExecutionMode = ExecutionMode.NonQuery }) with { KeyHash = key }, ProtocolJson.Default.Execute);
        await Eventually.BecomesAsync(() => Task.FromResult(KeysTaken(world)), taken => taken == 1);
        var second = await AskAsync(world, "SELECT 1", key);
        Assert.Equal((Ending.Failed, Executed.Unknown, FailureCodes.AlreadyExecuted, 504), (second.Ending, second.Executed, second.Error!.Code, second.Error.ErrorCode));
        await world.Session.Line.SendAsync(FrameKind.Cancel, first);
        await world.Session.ResultAsync(first);
    }

    [Fact]
    public async Task A_hash_of_another_length_is_not_understood_and_nothing_runs()
    {
        await using var world = await World.StartAsync();
        var outcome = await AskAsync(world, Insert, [1, 2, 3]);
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.LinkError), (outcome.Ending, outcome.Executed, outcome.Error!.Code));
        Assert.Equal("[{\"n\":2}]", Encoding.UTF8.GetString((await world.AskAsync("SELECT COUNT(*) AS n FROM patient")).Rows));
    }

    static long KeysTaken(World world)
    {
        using var connection = new SqliteConnection($"Data Source={Path.Combine(world.Link.Settings.DataDirectory, ClaimJournal.FileName)};Pooling=False;Mode=ReadOnly");
        connection.Open();
        using var command = new SqliteCommand("SELECT COUNT(*) FROM keyed_runs", connection);
        return (long)command.ExecuteScalar()!;
    }

    static async Task<Outcome> AskAsync(World world, string sql, byte[]? key)
    {
        var mode = sql.StartsWith("SELECT", StringComparison.Ordinal) ? ExecutionMode.Reader : ExecutionMode.NonQuery;
        return (await world.AskAsync(sql, e => e with { Command = e.Command! with { ExecutionMode = mode }, KeyHash = key })).Outcome;
    }
}

using System.Globalization;
using System.Text;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Settings;
using Halo.Link.Sites;
using Halo.Link.Tests.Engines;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Tests.Work;

/// <summary>maxRows, maxBytes and maxConcurrent of the practice's policy, on the whole way inside the Link and on both engines.</summary>
public sealed class PolicyLimitsTests(SharedPostgres postgres)
{
    const string Numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {0}) SELECT i FROM n";

    /// <summary>SQLite stands still between two rows, so it never ends a statement that is refused; PostgreSQL may have ended it before its first row was read.</summary>
    [Theory]
    [InlineData(9, null, Executed.Yes, Executed.Yes)]
    [InlineData(10, null, Executed.Yes, Executed.Yes)]
    [InlineData(11, "maxRows", Executed.Yes, Executed.No)]
    [InlineData(100_000_000, "maxRows", Executed.No, Executed.No)]
    public async Task A_result_with_more_rows_than_the_practice_allows_is_refused(int rows, string? rule, Executed onPostgres, Executed onSqlite)
    {
        await using var bench = await postgres.NewAsync();
        using var file = new SqliteFile();
        await using var sqlite = file.Open();
        foreach (var (engine, executed) in ((EngineBench, Executed)[])[(bench, onPostgres), (sqlite, onSqlite)])
            await AssertRuleAsync(engine, new() { MaxRows = 10 }, Numbers.Replace("{0}", rows.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal), rule, executed);
    }

    [Theory]
    [InlineData(93, null, Executed.Yes)] // [{"v":"…"}]
    [InlineData(94, "maxBytes", Executed.Yes)] // by the bracket at the end
    [InlineData(60_000_000, "maxBytes", Executed.No)]
    public async Task A_result_with_more_bytes_than_the_practice_allows_is_refused_also_in_the_middle_of_a_value(int length, string? rule, Executed executed)
    {
        await using var bench = await postgres.NewAsync();
        await AssertRuleAsync(bench, new() { MaxBytes = 103 }, $"SELECT repeat('x', {length}) AS v", rule, executed);
        using var file = new SqliteFile();
        await using var sqlite = file.Open();
        await AssertRuleAsync(sqlite, new() { MaxBytes = 103 }, $"SELECT substr(hex(zeroblob({(length + 1) / 2})), 1, {length}) AS v", rule, executed);
    }

    [Fact]
    public async Task Every_byte_of_the_array_counts()
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        const string sql = "SELECT 1 AS a UNION ALL SELECT 2";
        var length = (await bench.RowsAsync(sql)).Length;
        await AssertRuleAsync(bench, new() { MaxBytes = length }, sql, null, Executed.Yes);
        await AssertRuleAsync(bench, new() { MaxBytes = length - 1 }, sql, "maxBytes", Executed.Yes);
    }

    [Fact]
    public async Task A_write_that_returns_too_much_says_what_became_of_it()
    {
        await using var bench = await postgres.NewAsync();
        await bench.DoAsync("CREATE TABLE t (id int)");
        var result = await RunAsync(bench, new() { MaxRows = 1 }, "INSERT INTO t SELECT generate_series(1, 500000) RETURNING id", new());
        Assert.Equal((Ending.Failed, FailureCodes.PolicyRefused), (result.Ending, result.Error?.Code));
        Assert.Equal(result.Executed == Executed.No ? "0" : "500000", await bench.ValueAsync("SELECT count(*) FROM t"));
        Assert.NotEqual(Executed.Unknown, result.Executed);
    }

    [Fact]
    public async Task The_whole_Link_holds_to_the_rules()
    {
        var limited = Guid.NewGuid();
        await using var world = await World.StartAsync(s => s with
        {
            Sites = [s.Sites[0] with { Policy = new(new() { ReadOnly = true }, new Dictionary<Guid, PolicyRules> { [limited] = new() { MaxRows = 1 } }) }],
        });
        var (_, _, refused, _) = await world.AskAsync(World.Query("DELETE FROM patient", ExecutionMode.NonQuery), Guid.NewGuid());
        Assert.Equal((Ending.Failed, Executed.No, 403), (refused.Ending, refused.Executed, refused.Error!.ErrorCode));
        var (_, _, read, _) = await world.AskAsync("SELECT id FROM patient");
        Assert.Equal((Ending.Successful, 2L), (read.Ending, read.Rows));
        var (_, _, tooMany, _) = await world.AskAsync("SELECT id FROM patient", e => e with { IntegratorId = limited });
        Assert.Equal((Ending.Failed, FailureCodes.PolicyRefused), (tooMany.Ending, tooMany.Error!.Code));
        Assert.Contains("\"maxRows\"", tooMany.Error.ErrorMessage, StringComparison.Ordinal);
        var (_, rows, one, _) = await world.AskAsync("DELETE FROM patient WHERE id = 2 RETURNING name", e => e with { IntegratorId = limited });
        Assert.Equal((Ending.Successful, """[{"name":"Zoë"}]"""), (one.Ending, Encoding.UTF8.GetString(rows)));
    }

    [Fact]
    public async Task An_integrator_runs_no_more_at_once_than_the_practice_allows()
    {
        var (limited, other) = (Guid.NewGuid(), Guid.NewGuid());
        await using var world = await World.StartAsync(s => s with
        {
            Sites = [s.Sites[0] with { Policy = new(new(), new Dictionary<Guid, PolicyRules> { [limited] = new() { MaxConcurrent = 1 } }) }],
        });
        const string endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
        var running = Guid.NewGuid();
        await world.Session.SendAsync(FrameKind.Execute, running, world.At(new(endless)) with { IntegratorId = limited }, ProtocolJson.Default.Execute);
        var (_, _, expired, _) = await world.AskAsync("SELECT 1", e => e with { IntegratorId = limited, WaitMs = 0 });
        Assert.Equal((Ending.Expired, Executed.No), (expired.Ending, expired.Executed));
        var (_, _, free, _) = await world.AskAsync("SELECT 1", e => e with { IntegratorId = other, WaitMs = 0 });
        Assert.Equal(Ending.Successful, free.Ending);
        var waiting = Guid.NewGuid();
        await world.Session.SendAsync(FrameKind.Execute, waiting, world.At(new("SELECT 1")) with { IntegratorId = limited }, ProtocolJson.Default.Execute);
        await world.Session.Line.SendAsync(FrameKind.Cancel, running);
        Assert.Equal(Ending.Cancelled, (await world.Session.ResultAsync(running)).Outcome.Ending);
        Assert.Equal(Ending.Successful, (await world.Session.ResultAsync(waiting)).Outcome.Ending);
    }

    static IReadOnlySet<string> ReadingModes => new HashSet<string> { PolicyModes.Reader, PolicyModes.Scalar };

    /// <param name="executed">Where the connection may write; one that may only read has done nothing, however far it came.</param>
    static async Task AssertRuleAsync(EngineBench bench, PolicyRules rules, string sql, string? rule, Executed executed)
    {
        foreach (var readOnly in (bool[])[false, true])
        {
            var sink = new CollectingSink();
            var result = await RunAsync(bench, rules with { Modes = readOnly ? ReadingModes : null }, sql, sink);
            if (rule is null)
            {
                Assert.Equal((Ending.Successful, Executed.Yes, true), (result.Ending, result.Executed, sink.Ended));
                continue;
            }
            Assert.Equal((Ending.Failed, "haloLink", 403, FailureCodes.PolicyRefused), (result.Ending, result.Error!.ErrorType, result.Error.ErrorCode, result.Error.Code));
            Assert.Equal((readOnly, readOnly ? Executed.No : executed), (readOnly, result.Executed));
            Assert.Contains($"\"{rule}\"", result.Error.ErrorMessage, StringComparison.Ordinal);
            Assert.False(sink.Ended);
        }
    }

    static Task<ExecutionResult> RunAsync(EngineBench bench, PolicyRules rules, string sql, CollectingSink sink) =>
        bench.RunAsync(new QueryCommand(sql), sink, access: PracticePolicy.AccessOf(rules), rules: rules);
}

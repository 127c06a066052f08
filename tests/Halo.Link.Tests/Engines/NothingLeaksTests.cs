using System.Collections.Concurrent;
using System.Globalization;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Tests.Engines;

/// <summary>
/// 64 callers on few connections, each asking for its own id, stopped at random moments by limits and cancels: no answer, whole or begun, ever holds
/// another's (a driver once did this: CVE-2022-41064). HALO_LEAK_ROUNDS says how many rounds each goes (default 40; 10000 for the full test).
/// </summary>
public sealed class NothingLeaksTests(SharedPostgres postgres, ITestOutputHelper output)
{
    const int Callers = 64;
    const int RowsOfMany = 400;

    static int Rounds => int.TryParse(Environment.GetEnvironmentVariable("HALO_LEAK_ROUNDS"), NumberStyles.Integer, CultureInfo.InvariantCulture, out var rounds) ? rounds : 40;

    [Fact]
    public async Task No_answer_of_PostgreSQL_holds_anothers()
    {
        await using var bench = await postgres.NewAsync(";Maximum Pool Size=20;Timeout=120");
        await RunAsync(bench, "SELECT @id::int AS id", $"SELECT @id::int AS id FROM generate_series(1, {RowsOfMany})", "SELECT @id::int AS id FROM pg_sleep(0.003)",
            $"SELECT @id::int AS id FROM generate_series(1, {RowsOfMany}) AS i WHERE 1 / (200 - i) < 2");
    }

    [Fact]
    public async Task No_answer_of_SQLite_holds_anothers()
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        await RunAsync(bench, "SELECT @id AS id", Counted(RowsOfMany, "SELECT @id AS id FROM n"), Counted(20_000, "SELECT @id AS id FROM n WHERE i = 20000"));

        static string Counted(int rows, string sql) => $"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) {sql}";
    }

    [Fact]
    public async Task No_answer_of_SQL_Server_holds_anothers()
    {
        var server = Environment.GetEnvironmentVariable("HALO_TEST_SQLSERVER");
        Assert.SkipWhen(string.IsNullOrEmpty(server), "HALO_TEST_SQLSERVER is not set: give it the connection string of a SQL Server database that the tests may write to.");
        await using var bench = new EngineBench(DatabaseEngines.Create(EngineNames.SqlServer, server! + ";Max Pool Size=20;Connect Timeout=120", TimeProvider.System));
        var ten = string.Join(" UNION ALL ", Enumerable.Repeat("SELECT 1 AS i", 10));
        var many = $"SELECT @id AS id FROM ({ten}) AS a CROSS JOIN ({ten}) AS b CROSS JOIN (SELECT 1 AS i UNION ALL SELECT 1 UNION ALL SELECT 1 UNION ALL SELECT 1) AS c";
        await RunAsync(bench, "SELECT @id AS id", many, many);
    }

    /// <param name="fails">By a division by zero between two of its rows; null: none.</param>
    async Task RunAsync(EngineBench bench, string one, string many, string slow, string? fails = null)
    {
        var seed = Random.Shared.Next();
        var endings = new ConcurrentDictionary<string, int>();
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => Task.Run(async () =>
        {
            var random = new Random(unchecked(seed + caller));
            for (var round = 0; round < Rounds; round++)
            {
                var (sql, rows) = random.Next(5) switch { 0 => (many, RowsOfMany), 1 => (slow, -1), 2 when fails is not null => (fails, 0), _ => (one, 1) };
                var ending = await AskAsync(bench, random, sql, rows, caller * 1_000_000 + round);
                endings.AddOrUpdate(ending, 1, (_, count) => count + 1);
            }
        })));
        output.WriteLine($"Seed {seed}, {Callers} callers, {Rounds} rounds: {string.Join(", ", endings.Select(e => $"{e.Key} {e.Value}"))}");
        Assert.True(endings.GetValueOrDefault("Successful") > Callers * Rounds / 3);
        Assert.True(endings.GetValueOrDefault("Cancelled") > 0 && endings.GetValueOrDefault(FailureCodes.ExecutionTimeout) > 0);
        Assert.Equal("7", await bench.ValueAsync("SELECT 7 AS seven"));
    }

    static async Task<string> AskAsync(EngineBench bench, Random random, string sql, int rows, int id)
    {
        using var cancel = new CancellationTokenSource();
        var stopAtRow = -1;
        TimeSpan? limit = null;
        switch (random.Next(10))
        {
            case < 2:
                limit = TimeSpan.FromMilliseconds(1 + random.NextDouble() * 4);
                break;
            case 2:
                cancel.CancelAfter(random.Next(0, 6));
                break;
            case 3:
                stopAtRow = random.Next(1, 200);
                break;
        }
        var sink = new CollectingSink { OnRow = stopAtRow < 0 ? null : (row, _) => row == stopAtRow ? new ValueTask(cancel.CancelAsync()) : ValueTask.CompletedTask };
        var mode = random.Next(6) switch { 0 => ExecutionMode.Scalar, 1 => ExecutionMode.NonQuery, _ => ExecutionMode.Reader };
        var result = await bench.RunAsync(
            new QueryCommand(sql) { ExecutionMode = mode, Parameters = [EngineBench.Parameter("id", id, SqlType.Int)] }, sink, limit: limit, cancel: cancel);

        var mine = sink.Json.Split("\"id\":")[1..];
        var expected = id.ToString(CultureInfo.InvariantCulture);
        Assert.All(mine, value => Assert.Equal(expected, value.Split('}')[0]));
        if (result.Ending == Ending.Successful)
        {
            var all = rows >= 0 ? rows : sql.Contains("CROSS", StringComparison.Ordinal) ? RowsOfMany : 1;
            Assert.Equal((mode, sql, mode switch { ExecutionMode.NonQuery => 0, ExecutionMode.Scalar => 1, _ => all }), (mode, sql, mine.Length));
        }
        else
            Assert.True(result.Ending == Ending.Cancelled || result.Error!.Code == FailureCodes.ExecutionTimeout || result.Error.SqlState == "22012" && rows == 0,
                $"{result.Ending}: {result.Error}");
        return result.Ending == Ending.Failed ? result.Error!.Code ?? result.Error.SqlState! : result.Ending.ToString();
    }
}

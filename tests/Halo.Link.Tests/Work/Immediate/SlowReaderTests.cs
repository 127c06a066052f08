using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.Link.Tests.Session;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Halo.Testing.Tds;

namespace Halo.Link.Tests.Work.Immediate;

/// <summary>A caller who takes no rows does not hold the practice's locks for long.</summary>
public sealed class SlowReaderTests
{
    [Fact]
    public async Task On_SQL_Server_the_statement_is_cancelled_and_its_connection_serves_the_next()
    {
        await using var server = new TdsServer(async (request, answer) =>
        {
            // What the Link asks for itself has no rows.
            if (!request.Asked.Contains("FROM a", StringComparison.Ordinal))
                return;
            answer.Columns(TdsColumn.NVarChar("text"));
            for (var i = 0; i < 100; i++)
                answer.Row(new string('x', 1000));
            await answer.FlushAsync();
            // It goes on until it is cancelled: its locks are held meanwhile.
            await answer.Attention;
            answer.IsCutOff = true;
        });
        await using var world = await StartAsync(EngineNames.SqlServer, server.ConnectionString);
        await IsCutOffAsync(world, "SELECT text FROM a");
        await Eventually.BecomesAsync(() => Task.FromResult(server.Running), n => n == 0);
        Assert.True(server.Attentions > 0);
    }

    [Fact]
    public async Task On_PostgreSQL_the_statement_is_cancelled_and_its_locks_are_free()
    {
        Assert.SkipWhen(PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
        await using var server = await PostgresServer.StartAsync("fsync=off");
        await using var other = new Engines.EngineBench(DatabaseEngines.Create(EngineNames.Postgres, server.ConnectionString(), TimeProvider.System));
        await other.DoAsync("CREATE TABLE a AS SELECT i, repeat('x', 1000) AS text FROM generate_series(1, 100000) i");
        await using var world = await StartAsync(EngineNames.Postgres, server.ConnectionString());
        await IsCutOffAsync(world, "SELECT text FROM a");
        // The reader's lock would stand in the way of this.
        await other.DoAsync("DROP TABLE a");
    }

    [Fact]
    public async Task On_SQLite_too()
    {
        await using var world = await World.StartAsync(s => s with { Sites = [s.Sites[0] with { Protection = Impatient }] });
        await IsCutOffAsync(world, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT i, hex(zeroblob(500)) AS text FROM n");
    }

    static PracticeProtection Impatient => new() { SlowReader = TimeSpan.FromMilliseconds(200) };

    static Task<World> StartAsync(string engine, string connectionString) => World.StartAsync(s => s with
    {
        Sites = [s.Sites[0] with { Engine = engine, ConnectionString = connectionString, Catalogues = [new("practice", null, true)], Protection = Impatient }],
    });

    static async Task IsCutOffAsync(World world, string sql)
    {
        var id = Guid.NewGuid();
        await world.Session.SendAsync(FrameKind.Execute, id, world.At(new(sql)) with { Credit = 40_000 }, ProtocolJson.Default.Execute);
        // Nothing is granted: nobody takes what comes.
        var outcome = TestSession.Read(await world.Session.NextAsync(FrameKind.Outcome), ProtocolJson.Default.Outcome);
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.SlowReader, 408), (outcome.Ending, outcome.Executed, outcome.Error!.Code, outcome.Error.ErrorCode));
        Assert.Contains("protection.slowReaderMs", outcome.Error.ErrorMessage, StringComparison.Ordinal);
    }
}

using Halo.Contracts.Sites;
using Halo.Link.Engines;
using Halo.Link.Sites;
using Halo.Link.Tests.Engines;
using Halo.LinkProtocol.Messages;
using Halo.Testing;

namespace Halo.Link.Tests.Sites;

/// <summary>That a practice's system was updated is noticed, and what the practice does otherwise is not taken for that.</summary>
public sealed class SchemaMarksTests(SharedPostgres postgres)
{
    readonly ManualTime _time = new();

    [Theory]
    [InlineData(EngineNames.Sqlite, "ALTER TABLE t ADD COLUMN more int")]
    [InlineData(EngineNames.Sqlite, "CREATE INDEX i ON t (id)")]
    [InlineData(EngineNames.Sqlite, "DROP TABLE t")]
    [InlineData(EngineNames.Postgres, "ALTER TABLE t ADD COLUMN more int")]
    [InlineData(EngineNames.Postgres, "ALTER TABLE t ALTER COLUMN id TYPE bigint")]
    [InlineData(EngineNames.Postgres, "ALTER TABLE t ALTER COLUMN id SET DEFAULT 3")]
    [InlineData(EngineNames.Postgres, "CREATE INDEX i ON t (id)")]
    [InlineData(EngineNames.Postgres, "CREATE PROCEDURE p() LANGUAGE sql AS ''")]
    [InlineData(EngineNames.Postgres, "GRANT SELECT ON t TO PUBLIC")]
    [InlineData(EngineNames.Postgres, "DROP TABLE t")]
    public async Task Another_catalogue_has_another_mark_within_an_hour_and_is_not_asked_for_sooner(string engine, string change)
    {
        using var file = new SqliteFile();
        var database = engine == EngineNames.Postgres ? await postgres.NewDatabaseAsync() : $"Data Source={file.Path}";
        await using var bench = new EngineBench(Link.Engines.Factory.DatabaseEngines.Create(engine, database, TimeProvider.System));
        await bench.DoAsync("CREATE TABLE t (id int)");
        await using var sites = OneSite.Of(engine, database);
        var marks = new SchemaMarks(sites, _time);
        marks.OnWelcome(wanted: true);
        var first = await Eventually.BecomesAsync(() => Task.FromResult(MarkOf(marks, sites)), mark => mark is not null);
        Assert.Equal(32, first!.Length);

        await bench.DoAsync("INSERT INTO t (id) VALUES (1)");
        await bench.DoAsync("ANALYZE");
        await bench.DoAsync("CREATE TEMP TABLE other (id int)");
        _time.Advance(TimeSpan.FromHours(1));
        await LookedAgainAsync(marks, sites);
        // SQLite makes a table for what ANALYZE finds.
        if (engine == EngineNames.Postgres)
            Assert.Equal(first, MarkOf(marks, sites));
        first = MarkOf(marks, sites);
        await bench.DoAsync(change);
        _time.Advance(TimeSpan.FromMinutes(59));
        Assert.Equal(first, MarkOf(marks, sites));
        _time.Advance(TimeSpan.FromMinutes(1));
        await Eventually.BecomesAsync(() => Task.FromResult(MarkOf(marks, sites)), mark => mark != first);
    }

    [Fact]
    public async Task It_is_not_looked_at_for_an_API_that_does_not_want_to_hear_nor_while_the_database_is_away()
    {
        using var file = new SqliteFile();
        await using var sites = OneSite.Of(EngineNames.Sqlite, $"Data Source={file.Path}");
        var marks = new SchemaMarks(sites, _time);
        var healthy = new SiteDatabase(sites.All.Single().Id, new(DatabaseStatus.Healthy));
        marks.OnWelcome(wanted: false);
        IReadOnlyList<SiteDatabase> same = [healthy];
        Assert.Same(same, marks.AddTo(same));
        marks.OnWelcome(wanted: true);
        Assert.Null(Assert.Single(marks.AddTo([healthy with { Health = new(DatabaseStatus.Failing) }])).SchemaMark);
        // Another Link's site, or one that was taken out.
        Assert.Null(Assert.Single(marks.AddTo([new(Guid.NewGuid(), new(DatabaseStatus.Healthy))])).SchemaMark);
        Assert.NotNull(await Eventually.BecomesAsync(() => Task.FromResult(MarkOf(marks, sites)), mark => mark is not null));
    }

    static string? MarkOf(SchemaMarks marks, LocalSites sites) => Assert.Single(marks.AddTo([new(sites.All.Single().Id, new(DatabaseStatus.Healthy))])).SchemaMark;

    /// <summary>What is begun by one heartbeat is over when the next may begin another.</summary>
    static async Task LookedAgainAsync(SchemaMarks marks, LocalSites sites)
    {
        MarkOf(marks, sites);
        await marks.LookingAsync(sites.All.Single());
    }
}

using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.Link.Engines.Postgres.Values;
using Halo.LinkProtocol.Messages;
using Halo.Testing;

namespace Halo.Link.Tests.Engines.Postgres;

/// <summary>Types that are created while the Link runs are told by their name, as after a restart.</summary>
public class PostgresTypesTests(SharedPostgres postgres)
{
    [Fact]
    public async Task A_type_that_was_created_after_the_first_query_has_its_name_at_once()
    {
        var database = await postgres.NewDatabaseAsync();
        await using var bench = On(database);
        Assert.Equal("1", await bench.ValueAsync("SELECT 1"));
        await bench.DoAsync("CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE SCHEMA other; CREATE TYPE other.pair AS (a int, b text); CREATE DOMAIN short AS varchar(5)");
        const string all = "SELECT 'ok'::mood AS a, ARRAY['sad']::mood[] AS b, ROW(1, 'x')::other.pair AS c, 'abc'::short AS d, 1 AS e";
        string[] names = ["public.mood", "public.mood[]", "other.pair", "character varying(5)", "integer"];
        for (var i = 0; i < 2; i++)
            Assert.Equal(names, await TypesAsync(bench, all));
        Assert.Equal("""[{"a":"ok","b":"{sad}","c":"(1,x)","d":"abc","e":1}]""", await bench.RowsAsync(all));

        // Dropped and made again, it has another number.
        await bench.DoAsync("DROP TYPE mood; CREATE TYPE mood AS ENUM ('fine')");
        Assert.Equal(["public.mood", "public.mood[]"], await TypesAsync(bench, "SELECT 'fine'::mood, '{fine}'::mood[]"));
        // And as a Link that started after it names it.
        await using var fresh = On(database + ";Application Name=fresh");
        Assert.Equal(["public.mood", "public.mood[]", "other.pair"], await TypesAsync(fresh, "SELECT 'fine'::mood, '{fine}'::mood[], ROW(1, 'x')::other.pair"));
    }

    [Fact]
    public async Task So_has_a_type_of_an_extension()
    {
        await using var bench = await postgres.NewAsync();
        Assert.Equal("1", await bench.ValueAsync("SELECT 1"));
        Assert.SkipUnless(await bench.ValueAsync("SELECT count(*) FROM pg_available_extensions WHERE name = 'hstore'") == "1", "The server has no hstore: install postgresql-contrib.");
        await bench.DoAsync("CREATE EXTENSION hstore");
        Assert.Equal(["public.hstore"], await TypesAsync(bench, "SELECT 'a=>1'::hstore"));
        await bench.DoAsync("DROP EXTENSION hstore; CREATE EXTENSION hstore");
        Assert.Equal(["public.hstore"], await TypesAsync(bench, "SELECT 'a=>1'::hstore"));
    }

    [Theory]
    [InlineData("CREATE TYPE mood AS ENUM ('ok')", "'ok'::mood", "public.mood", "ALTER TYPE mood RENAME TO feeling", "'ok'::feeling", "public.feeling")]
    [InlineData("CREATE TYPE mood AS ENUM ('ok')", "'{ok}'::mood[]", "public.mood[]", "ALTER TYPE mood RENAME TO feeling", "'{ok}'::feeling[]", "public.feeling[]")]
    [InlineData("CREATE TYPE pair AS (a int, b text)", "ROW(1, 'x')::pair", "public.pair", "CREATE SCHEMA other; ALTER TYPE pair SET SCHEMA other", "ROW(1, 'x')::other.pair", "other.pair")]
    [InlineData("CREATE DOMAIN short AS varchar(5)", "ARRAY['x']::short[]", "character varying[]", "ALTER DOMAIN short RENAME TO brief", "ARRAY['x']::brief[]", "character varying[]")]
    [InlineData("CREATE TABLE visits (id int)", "ROW(1)::visits", "public.visits", "ALTER TABLE visits RENAME TO calls", "ROW(1)::calls", "public.calls")]
    [InlineData("CREATE EXTENSION citext", "'a'::citext", "public.citext", "CREATE SCHEMA other; ALTER EXTENSION citext SET SCHEMA other", "'a'::other.citext", "other.citext")]
    [InlineData("CREATE SCHEMA one; CREATE TYPE one.span AS RANGE (subtype = float8)", "'[1,2)'::one.span", "one.span", "ALTER SCHEMA one RENAME TO two", "'[1,2)'::two.span", "two.span")]
    public async Task A_type_that_is_renamed_while_the_Link_runs_has_its_new_name_within_a_minute(string made, string value, string name, string renamed, string valueThen, string nameThen)
    {
        var database = await postgres.NewDatabaseAsync();
        await using var owner = On(database);
        Assert.SkipUnless(!made.Contains("EXTENSION", StringComparison.Ordinal) || await owner.ValueAsync("SELECT count(*) FROM pg_available_extensions WHERE name = 'citext'") == "1",
            "The server has no citext: install postgresql-contrib.");
        await owner.DoAsync(made);
        // Its driver knows the type from the beginning.
        var time = new LaterTime();
        await using var bench = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, database + ";Application Name=later", time));
        for (var i = 0; i < 2; i++)
            Assert.Equal([name], await TypesAsync(bench, $"SELECT {value}"));
        await owner.DoAsync(renamed);
        time.Skip(PostgresTypes.RefreshedAfter);
        Assert.Equal([nameThen], await Eventually.BecomesAsync(() => TypesAsync(bench, $"SELECT {valueThen}"), names => names.SequenceEqual([nameThen])));
    }

    [Fact]
    public async Task Where_names_cannot_be_looked_up_again_those_that_are_known_are_told()
    {
        var database = await postgres.NewDatabaseAsync();
        await using var owner = On(database);
        await owner.DoAsync("CREATE TYPE mood AS ENUM ('ok')");
        var time = new LaterTime();
        await using var bench = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, database + ";Application Name=only", time));
        Assert.Equal(["public.mood"], await TypesAsync(bench, "SELECT 'ok'::mood"));
        await using var beside = await postgres.NewAsync();
        await beside.DoAsync($"ALTER DATABASE {await owner.ValueAsync("SELECT current_database()")} ALLOW_CONNECTIONS false");
        await owner.DoAsync("ALTER TYPE mood RENAME TO feeling");
        for (var i = 0; i < 3; i++)
        {
            time.Skip(PostgresTypes.RefreshedAfter);
            Assert.Equal(["public.mood"], await TypesAsync(bench, "SELECT 'ok'::feeling"));
        }
    }

    [Fact]
    public async Task Where_the_name_cannot_be_looked_up_the_rows_come_all_the_same()
    {
        await using var bench = await postgres.NewAsync();
        // Nobody else sees a type of a transaction that is open.
        var result = await bench.RunAsync("BEGIN; CREATE TYPE unseen AS ENUM ('x'); SELECT 'x'::unseen AS v; ROLLBACK");
        Assert.Equal(Ending.Successful, result.Ending);
    }

    /// <summary>Goes on as it does, later by what is skipped; timers know nothing of that, so that nothing under way is cancelled.</summary>
    sealed class LaterTime : TimeProvider
    {
        TimeSpan _skipped;

        public void Skip(TimeSpan time) => _skipped += time;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => (System.GetElapsedTime(0) + _skipped).Ticks;
    }

    static EngineBench On(string database) => new(DatabaseEngines.Create(EngineNames.Postgres, database, TimeProvider.System));

    static async Task<IReadOnlyList<string?>> TypesAsync(EngineBench bench, string sql)
    {
        var sink = new CollectingSink();
        var result = await bench.RunAsync(sql, sink);
        Assert.True(result.Ending == Ending.Successful, result.Error?.ErrorMessage);
        return [.. sink.Columns!.Select(c => c.DatabaseType)];
    }
}

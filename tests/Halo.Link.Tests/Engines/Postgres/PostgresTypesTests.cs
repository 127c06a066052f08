using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.LinkProtocol.Messages;

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

    [Fact]
    public async Task Where_the_name_cannot_be_looked_up_the_rows_come_all_the_same()
    {
        await using var bench = await postgres.NewAsync();
        // Nobody else sees a type of a transaction that is open.
        var result = await bench.RunAsync("BEGIN; CREATE TYPE unseen AS ENUM ('x'); SELECT 'x'::unseen AS v; ROLLBACK");
        Assert.Equal(Ending.Successful, result.Ending);
    }

    static EngineBench On(string database) => new(DatabaseEngines.Create(EngineNames.Postgres, database, TimeProvider.System));

    static async Task<IEnumerable<string?>> TypesAsync(EngineBench bench, string sql)
    {
        var sink = new CollectingSink();
        var result = await bench.RunAsync(sql, sink);
        Assert.True(result.Ending == Ending.Successful, result.Error?.ErrorMessage);
        return sink.Columns!.Select(c => c.DatabaseType);
    }
}

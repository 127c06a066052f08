using System.Text.Json;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Tests.Engines.Running;

/// <summary>What is read of a database's own catalogue, and what is left out.</summary>
public sealed class SchemaTests(SharedPostgres postgres)
{
    [Fact]
    public async Task SQLite_tells_tables_views_keys_and_indexes_also_beside_what_is_broken()
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        string[] made =
        [
            "CREATE TABLE patients (id INTEGER PRIMARY KEY, last_name TEXT NOT NULL DEFAULT 'x', card varchar(20) UNIQUE, twice AS (id * 2))",
            "CREATE TABLE \"o'dd \"\"\u03a9\"\"]\" (a int, b int, patient int REFERENCES patients, PRIMARY KEY (b, a), FOREIGN KEY (a) REFERENCES patients (id)) WITHOUT ROWID",
            "CREATE INDEX by_name ON patients (last_name, lower(card))",
            "CREATE UNIQUE INDEX once ON patients (card, id)",
            "CREATE TABLE gone (x int)",
            "CREATE VIEW broken AS SELECT * FROM gone",
            "CREATE VIEW names AS SELECT id, last_name FROM patients",
            "DROP TABLE gone",
            "CREATE TABLE sqliteish (x)",
            "CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT)",
        ];
        foreach (var sql in made)
            await bench.DoAsync(sql);
        var schema = await ReadAsync(bench);
        Assert.Equal(["broken:view", "counted:table", "names:view", "o'dd \"\u03a9\"]:table", "patients:table", "sqliteish:table"], schema.Rows(SchemaParts.Tables, "n", "k"));
        Assert.Equal(["id:INTEGER:0:", "last_name:TEXT:0:'x'", "card:varchar(20):1:", "twice::1:"], schema.Of(SchemaParts.Columns, "patients", "n", "y", "u", "d"));
        Assert.Equal(["id:INTEGER", "last_name:TEXT"], schema.Of(SchemaParts.Columns, "names", "n", "y"));
        Assert.Empty(schema.Of(SchemaParts.Columns, "broken", "n"));
        Assert.Equal([":p:id", "by_name:i:last_name", "by_name:i:(expression)", "once:j:card", "once:j:id", "sqlite_autoindex_patients_1:u:card"],
            schema.Of(SchemaParts.Keys, "patients", "x", "k", "n").OrderBy(k => k.Split(':')[0], StringComparer.Ordinal));
        Assert.Equal([":p:b", ":p:a"], schema.Of(SchemaParts.Keys, "o'dd \"\u03a9\"]", "x", "k", "n"));
        Assert.Equal(["0:a::patients:id", "1:patient::patients:"], schema.Of(SchemaParts.ForeignKeys, "o'dd \"\u03a9\"]", "x", "n", "s", "m", "o"));
        Assert.Empty(schema.Rows(SchemaParts.Routines, "n"));
    }

    [Fact]
    public async Task PostgreSQL_tells_all_of_it()
    {
        await using var bench = await postgres.NewAsync();
        string[] made =
        [
            "CREATE SCHEMA \"o'dd\"",
            "CREATE TABLE patients (id serial PRIMARY KEY, last_name varchar(40) NOT NULL DEFAULT 'x', card text CONSTRAINT one_card UNIQUE, born date, fee numeric(10,2), gone int)",
            "ALTER TABLE patients DROP COLUMN gone",
            "COMMENT ON TABLE patients IS 'Who comes'",
            "COMMENT ON COLUMN patients.card IS 'It''s on the card'",
            "CREATE TABLE \"o'dd\".\"v\"\"isits\" (a int, b int, patient int NOT NULL, PRIMARY KEY (b, a), CONSTRAINT whose FOREIGN KEY (patient) REFERENCES patients (id))",
            "CREATE INDEX by_name ON patients (last_name DESC, lower(card)) INCLUDE (born)",
            "CREATE UNIQUE INDEX once ON patients (born, id) WHERE fee > 0",
            "CREATE VIEW names AS SELECT id, last_name FROM patients",
            "CREATE TABLE parts (d date) PARTITION BY RANGE (d)",
            "CREATE TABLE part_one PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
            "CREATE TABLE rooms (id int PRIMARY KEY) PARTITION BY RANGE (id)",
            "CREATE TABLE room_some PARTITION OF rooms FOR VALUES FROM (0) TO (100)",
            "ALTER TABLE patients ADD CONSTRAINT sits FOREIGN KEY (id) REFERENCES rooms (id)",
            "CREATE PROCEDURE book(patient int, INOUT at timestamptz) LANGUAGE plpgsql AS 'BEGIN END'",
            "CREATE FUNCTION due(patient int, fee numeric) RETURNS TABLE (d date, n bigint) LANGUAGE sql AS 'SELECT NULL::date, 1::bigint'",
            "CREATE FUNCTION fires() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
            "COMMENT ON FUNCTION due IS 'What is open'",
        ];
        foreach (var sql in made)
            await bench.DoAsync(sql);
        var schema = await ReadAsync(bench);
        Assert.Equal(["o'dd:v\"isits:table:", "public:names:view:", "public:parts:table:", "public:patients:table:Who comes", "public:rooms:table:"], schema.Rows(SchemaParts.Tables, "s", "n", "k", "c"));
        Assert.Equal(
            [
                "id:integer:False:nextval('patients_id_seq'::regclass):", "last_name:character varying(40):False:'x'::character varying:", "card:text:True::It's on the card", "born:date:True::",
                "fee:numeric(10,2):True::",
            ],
            schema.Of(SchemaParts.Columns, "patients", "n", "y", "u", "d", "c"));
        Assert.Equal(
            ["by_name:i:last_name", "by_name:i:lower(card)", "once:j:born", "once:j:id", "one_card:u:card", "patients_pkey:p:id"], schema.Of(SchemaParts.Keys, "patients", "x", "k", "n"));
        Assert.Equal(["v\"isits_pkey:p:b", "v\"isits_pkey:p:a"], schema.Of(SchemaParts.Keys, "v\"isits", "x", "k", "n"));
        Assert.Equal(["whose:patient:public:patients:id"], schema.Of(SchemaParts.ForeignKeys, "v\"isits", "x", "n", "s", "m", "o"));
        // What PostgreSQL keeps of it for each partition is left out.
        Assert.Equal(["sits:id:public:rooms:id"], schema.Of(SchemaParts.ForeignKeys, "patients", "x", "n", "s", "m", "o"));
        Assert.Equal(["book:procedure::", "due:function:TABLE(d date, n bigint):What is open"], schema.Rows(SchemaParts.Routines, "n", "k", "y", "c"));
        Assert.Equal(["patient:integer:i", "at:timestamp with time zone:b", "patient:integer:i", "fee:numeric:i", "d:date:o", "n:bigint:o"], schema.Rows(SchemaParts.Parameters, "n", "y", "k"));
    }

    [Fact]
    public async Task PostgreSQL_tells_a_login_what_it_may_see_and_no_more()
    {
        var database = await postgres.NewDatabaseAsync();
        await using var owner = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, database, TimeProvider.System));
        await owner.DoAsync("CREATE TABLE seen (id int PRIMARY KEY, name text, secret_column text, other int)");
        await owner.DoAsync("CREATE TABLE secret (id int PRIMARY KEY)");
        await owner.DoAsync("ALTER TABLE seen ADD CONSTRAINT to_secret FOREIGN KEY (other) REFERENCES secret (id)");
        await owner.DoAsync("CREATE INDEX on_secret ON seen (secret_column)");
        // Of which a part may be seen is left out whole: less columns would be another key. An expression may name any column.
        await owner.DoAsync("CREATE INDEX partly ON seen (name, secret_column)");
        await owner.DoAsync("CREATE INDEX computed ON seen (lower(name))");
        await owner.DoAsync("CREATE INDEX by_name ON seen (name)");
        await owner.DoAsync("CREATE TABLE pairs (a int, b int, PRIMARY KEY (a, b))");
        await owner.DoAsync("ALTER TABLE seen ADD CONSTRAINT to_pairs FOREIGN KEY (id, other) REFERENCES pairs (a, b)");
        await owner.DoAsync("CREATE SCHEMA hidden");
        await owner.DoAsync("CREATE TABLE hidden.within (id int)");
        await owner.DoAsync("GRANT SELECT ON hidden.within TO PUBLIC");
        await owner.DoAsync("CREATE PROCEDURE forbidden() LANGUAGE sql AS ''");
        await owner.DoAsync("REVOKE EXECUTE ON PROCEDURE forbidden FROM PUBLIC");
        var settings = new Npgsql.NpgsqlConnectionStringBuilder(database);
        var login = $"narrow_{settings.Database}";
        await owner.DoAsync($"CREATE ROLE {login} LOGIN");
        await using (var nothing = Narrow())
        {
            var none = await ReadAsync(nothing);
            for (var part = 0; part < SchemaParts.Count; part++)
                Assert.Empty(none.Rows(part, "t"));
        }
        await owner.DoAsync($"GRANT SELECT (id, name, other) ON seen TO {login}");
        await owner.DoAsync($"GRANT SELECT (a) ON pairs TO {login}");
        await using var narrow = Narrow();
        var schema = await ReadAsync(narrow);
        Assert.Equal(["pairs", "seen"], schema.Rows(SchemaParts.Tables, "n"));
        Assert.Equal(["id", "name", "other"], schema.Of(SchemaParts.Columns, "seen", "n"));
        Assert.Equal(["by_name:name", "seen_pkey:id"], schema.Rows(SchemaParts.Keys, "x", "n"));
        Assert.Empty(schema.Rows(SchemaParts.ForeignKeys, "n"));
        Assert.Empty(schema.Rows(SchemaParts.Routines, "n"));

        EngineBench Narrow() => new(DatabaseEngines.Create(EngineNames.Postgres, new Npgsql.NpgsqlConnectionStringBuilder(database) { Username = login }.ConnectionString, TimeProvider.System));
    }

    [Theory]
    [InlineData(EngineNames.Sqlite)]
    [InlineData(EngineNames.Postgres)]
    public async Task Of_an_empty_database_each_part_is_empty(string engine)
    {
        using var file = new SqliteFile();
        await using var bench = engine == EngineNames.Postgres ? await postgres.NewAsync() : file.Open();
        var schema = await ReadAsync(bench);
        for (var part = 0; part < SchemaParts.Count; part++)
            Assert.Empty(schema.Rows(part, "t"));
    }

    [Theory]
    [InlineData(EngineNames.Sqlite)]
    [InlineData(EngineNames.Postgres)]
    public async Task Five_thousand_tables_are_read_within_an_answers_bound(string engine)
    {
        using var file = new SqliteFile();
        await using var bench = engine == EngineNames.Postgres ? await postgres.NewAsync() : file.Open();
        var columns = string.Join(", ", Enumerable.Range(1, 12).Select(i => $"a_column_with_number_{i} varchar(40)"));
        foreach (var some in Enumerable.Range(0, 5000).Chunk(250))
            await bench.DoAsync(string.Join(';', some.Select(i => $"CREATE TABLE a_table_with_number_{i} (id int PRIMARY KEY, {columns})")));
        var schema = await ReadAsync(bench);
        Assert.Equal((5000, 65_000, 5000), (schema.Rows(SchemaParts.Tables, "n").Count, schema.Rows(SchemaParts.Columns, "n").Count, schema.Rows(SchemaParts.Keys, "n").Count));
        Assert.InRange(schema.Bytes, 1, 8 << 20);
    }

    [Fact]
    public async Task The_practices_bounds_hold_for_it()
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        await bench.DoAsync("CREATE TABLE t (a int, b int)");
        var result = await bench.RunAsync(Batch(bench), access: CommandAccess.Read, rules: new() { MaxRows = 2 });
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.PolicyRefused), (result.Ending, result.Executed, result.Error?.Code));
    }

    static CommandBatch Batch(EngineBench bench) => new([.. bench.Engine.SchemaTexts.Select(t => new QueryCommand(t))]);

    static async Task<Parts> ReadAsync(EngineBench bench)
    {
        var sink = new CollectingSink();
        var result = await bench.RunAsync(Batch(bench), sink, access: CommandAccess.Read);
        Assert.True(result.Ending == Ending.Successful, $"{result.Error?.Index}: {result.Error?.ErrorMessage}");
        Assert.Equal(SchemaParts.Count, result.Results!.Count);
        var json = System.Text.Encoding.UTF8.GetBytes(sink.Json);
        var parts = new List<JsonElement>();
        var from = 0;
        foreach (var part in result.Results)
        {
            parts.Add(JsonDocument.Parse(json.AsMemory(from, (int)part.Size)).RootElement);
            from += (int)part.Size;
        }
        return new(parts, json.Length);
    }

    sealed record Parts(List<JsonElement> All, int Bytes)
    {
        /// <summary>Some fields of each row, with colons between them.</summary>
        public List<string> Rows(int part, params string[] fields) => [.. All[part].EnumerateArray().Select(r => Show(r, fields))];

        /// <summary>The same, of the rows of one table.</summary>
        public List<string> Of(int part, string table, params string[] fields)
        {
            var key = All[SchemaParts.Tables].EnumerateArray().Single(r => r.GetProperty("n").GetString() == table).GetProperty("t").ToString();
            return [.. All[part].EnumerateArray().Where(r => r.GetProperty("t").ToString() == key).Select(r => Show(r, fields))];
        }

        static string Show(JsonElement row, string[] fields) => string.Join(':', fields.Select(f => row.GetProperty(f).ToString()));
    }
}

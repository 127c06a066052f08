using Npgsql;

namespace Halo.Bench.Stands;

/// <summary>What is asked for, and the tables it stands in.</summary>
static class PracticeData
{
    public const string SelectOne = "SELECT 1 AS one";

    public const string Twenty = "SELECT * FROM wide WHERE id = 500";

    public const string Thousand = "SELECT id, name, born, active, balance FROM wide ORDER BY id LIMIT 1000";

    public const string Insert = "INSERT INTO writes (value) VALUES (7)";

    public const string Export = "SELECT * FROM export";

    /// <summary>About a kilobyte to a row that no compressor makes much smaller than a half.</summary>
    public static string Bulky(int rows) =>
        $"SELECT i AS id, (SELECT string_agg(md5(i::text || '/' || j), '') FROM generate_series(1, 32) j) AS noise FROM generate_series(1, {rows}) i";

    /// <summary>Tables of immediate queries and of writes.</summary>
    public static Task FillAsync(string connectionString) => RunAsync(connectionString, """
        CREATE TABLE wide AS SELECT i::int AS id, 'Patient ' || i AS name, DATE '1940-01-01' + i % 30000 AS born, i % 3 = 0 AS active,
          (i * 0.25)::numeric(12,2) AS balance, i::bigint * 7919 AS file, (i % 97)::smallint AS age, i * 1.5::float8 AS weight,
          gen_random_uuid() AS token, now() AS seen, 'main street ' || i % 500 AS address, 'Perth' AS city, '6000' AS postcode,
          NULL::text AS note, 'mobile ' || i AS phone, (i % 7)::int AS doctor, (i % 11)::int AS room, i % 2 = 0 AS insured,
          (i * 0.1)::numeric(12,3) AS dose, md5(i::text) AS mark FROM generate_series(1, 2000) i;
        ALTER TABLE wide ADD PRIMARY KEY (id);
        CREATE TABLE writes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, value int NOT NULL);
        ANALYZE;
        """);

    /// <summary>Ten mixed columns; the table is in memory before anything is measured.</summary>
    public static Task FillExportAsync(string connectionString, int rows) => RunAsync(connectionString, $"""
        CREATE UNLOGGED TABLE export AS SELECT i::bigint AS id, 'Patient ' || i AS name, DATE '1940-01-01' + i % 30000 AS born,
          i % 3 = 0 AS active, (i * 0.25)::numeric(12,2) AS balance, TIMESTAMPTZ '2026-01-01 00:00:00Z' + i * interval '1 minute' AS seen,
          md5(i::text)::uuid AS token, CASE WHEN i % 5 = 0 THEN NULL ELSE 'note on ' || i % 500 END AS note, (i % 97)::int AS age,
          i * 1.5::float8 AS weight FROM generate_series(1, {rows}) i;
        VACUUM ANALYZE export;
        SELECT count(*) FROM export;
        """);

    public static async Task<long> CountAsync(string connectionString, string table)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"SELECT count(*) FROM {table}", connection);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    static async Task RunAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        foreach (var statement in sql.Split(";\n", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            await using var command = new NpgsqlCommand(statement, connection) { CommandTimeout = 600 };
            await command.ExecuteNonQueryAsync();
        }
    }
}

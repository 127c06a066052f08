using Microsoft.Data.Sqlite;

namespace Halo.SystemTests;

/// <summary>Statements that several tests need.</summary>
static class Sql
{
    /// <summary>Runs for minutes unless somebody stops it.</summary>
    public static string Endless(string engine) => engine == "postgres"
        ? "SELECT pg_sleep(300)"
        : "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n WHERE i < 0";

    /// <summary>Rows of ten columns, made by the database while it is read.</summary>
    public static string Generated(string engine, int rows) => engine == "postgres"
        ? $"""
           SELECT i AS id, 'Patient ' || i AS name, i % 97 AS age, i * 0.25 AS amount, i % 2 = 0 AS active,
                  'main street ' || i % 500 AS address, NULL::text AS note, i * 7919 % 1000003 AS code, 'Zürich' AS city, i::text AS mark
           FROM generate_series(1, {rows}::bigint) AS i
           """
        : $"""
           WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
           SELECT i AS id, 'Patient ' || i AS name, i % 97 AS age, i * 0.25 AS amount, i % 2 = 0 AS active,
                  'main street ' || i % 500 AS address, NULL AS note, i * 7919 % 1000003 AS code, 'Zürich' AS city, CAST(i AS TEXT) AS mark
           FROM n
           """;

    public static void Run(string sqliteConnectionString, string sql)
    {
        using var connection = new SqliteConnection(sqliteConnectionString + ";Pooling=False");
        connection.Open();
        using var command = new SqliteCommand(sql, connection);
        command.ExecuteNonQuery();
    }
}

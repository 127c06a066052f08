using System.Data.Common;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Halo.Bench;

/// <summary>A database, read straight through its driver.</summary>
sealed record Practice(string Engine, string ConnectionString)
{
    public DbConnection Connect() => Engine == "postgres" ? new NpgsqlConnection(ConnectionString) : new SqliteConnection(ConnectionString);

    /// <summary>A pooled connection, a command, a value: what a program beside the database would do.</summary>
    public async Task SelectOneAsync()
    {
        await using var connection = Connect();
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT 1 AS one";
        if (Convert.ToInt64(await command.ExecuteScalarAsync()) != 1)
            throw new InvalidOperationException("SELECT 1 gave something else.");
    }

    /// <summary>Reads every value of every row.</summary>
    public async Task<long> ReadAllAsync(string sql)
    {
        await using var connection = Connect();
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await using var reader = await command.ExecuteReaderAsync();
        var values = new object[reader.FieldCount];
        long rows = 0;
        while (await reader.ReadAsync())
        {
            reader.GetValues(values);
            rows++;
        }
        return rows;
    }

    /// <summary>A million rows of ten columns, made by the database while it is read, so no disk is measured.</summary>
    public string ExportSql(int rows) => Engine == "postgres"
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
}

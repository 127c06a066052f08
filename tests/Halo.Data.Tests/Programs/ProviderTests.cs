namespace Halo.Data.Tests.Programs;

/// <summary>Tests that run on each engine, with the real programs.</summary>
public abstract class ProviderTests(SharedPractice practice)
{
    /// <summary>A table's name that no other test has.</summary>
    protected string Table { get; } = $"t_{Guid.NewGuid():N}";

    protected string ConnectionString => practice.ConnectionString;

    protected bool IsPostgres => practice.IsPostgres;

    protected string Binary => IsPostgres ? "bytea" : "blob";

    protected HaloDbConnection Open()
    {
        var connection = new HaloDbConnection(ConnectionString);
        connection.Open();
        return connection;
    }

    protected async Task<HaloDbConnection> OpenAsync()
    {
        var connection = new HaloDbConnection(ConnectionString);
        await connection.OpenAsync();
        return connection;
    }

    protected static async Task<int> DoAsync(HaloDbConnection connection, string sql)
    {
        await using var command = new HaloDbCommand(sql, connection);
        return await command.ExecuteNonQueryAsync();
    }

    /// <summary>Rows that the database makes while it is read.</summary>
    protected string Numbers(int rows) => IsPostgres
        ? $"SELECT i AS id, 'Patient ' || i AS name, i * 0.25 AS amount, CASE WHEN i % 3 = 0 THEN i END AS third FROM (SELECT generate_series(1, {rows}::bigint) AS i) AS n"
        : $"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) SELECT i AS id, 'Patient ' || i AS name, i * 0.25 AS amount, CASE WHEN i % 3 = 0 THEN i END AS third FROM n";

    /// <summary>A query that takes very long before its first row.</summary>
    protected string Endless => $"SELECT COUNT(*) FROM ({Numbers(2_000_000_000)}) AS x";
}

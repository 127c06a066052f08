using Microsoft.Data.Sqlite;

namespace Halo.Bench.Stands;

/// <summary>Fills the API's store while the API is stopped: copies of what it holds already, under ids of their own.</summary>
static class StoreFilling
{
    const string Id = "printf('%08x-%04x-7000-8000-%012x', n.i / 65536, n.i % 65536, n.i)";

    /// <summary>Further Links with a site each, as of practices that are away.</summary>
    public static Task AddSitesAsync(string file, int count) => RunAsync(file, count, $"""
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $count)
        INSERT INTO links ({Columns("links", file, "id")}) SELECT {Columns("links", file, "id", $"{Id}")} FROM n, (SELECT * FROM links LIMIT 1);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $count)
        INSERT INTO sites ({Columns("sites", file, "id")}) SELECT {Columns("sites", file, "id", $"{Id}", ("link_id", Id), ("pms_id", "'grown-' || n.i"), ("reported_pms_id", "'grown-' || n.i"))}
        FROM n, (SELECT * FROM sites LIMIT 1)
        """);

    /// <summary>Further queries of the same integrator at the same site, long ended.</summary>
    public static Task AddLedgerAsync(string file, int count) => RunAsync(file, count, $"""
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $count)
        INSERT INTO queries ({Columns("queries", file, "id")}) SELECT {Columns("queries", file, "id", $"{Id}")}
        FROM n, (SELECT * FROM queries WHERE completed_at IS NOT NULL LIMIT 1)
        """);

    /// <summary>The table's columns in order; some of them replaced by an expression.</summary>
    static string Columns(string table, string file, string id, string? idValue = null, params (string Column, string Value)[] others)
    {
        using var connection = Open(file);
        using var command = connection.CreateCommand();
        command.CommandText = $"SELECT name FROM pragma_table_info('{table}')";
        using var reader = command.ExecuteReader();
        var names = new List<string>();
        while (reader.Read())
        {
            var name = reader.GetString(0);
            names.Add(idValue is null ? name : name == id ? idValue : others.FirstOrDefault(o => o.Column == name).Value ?? name);
        }
        return string.Join(", ", names);
    }

    static Task RunAsync(string file, int count, string sql) => Task.Run(() =>
    {
        using var connection = Open(file);
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.CommandTimeout = 1_800;
        command.Parameters.AddWithValue("$count", count);
        command.ExecuteNonQuery();
        command.CommandText = "PRAGMA wal_checkpoint(TRUNCATE)";
        command.ExecuteNonQuery();
    });

    static SqliteConnection Open(string file)
    {
        var connection = new SqliteConnection($"Data Source={file};Pooling=False;Foreign Keys=False");
        connection.Open();
        return connection;
    }
}

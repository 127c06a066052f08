using System.Globalization;
using Halo.Testing.Processes;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Halo.SystemTests.Endings;

/// <summary>A practice whose database is watched from beside: not the Link says what runs there, but the database itself.</summary>
public abstract class EndingsPractice(string engine, string connectionString)
{
    /// <summary>As in a Link's configuration.</summary>
    public LinkSite Site { get; } = new(engine, connectionString);

    protected string ConnectionString { get; } = connectionString;

    /// <summary>A reader that runs until somebody stops it, and has touched the database.</summary>
    public abstract string Endless { get; }

    /// <summary>Rows without an end, the first at once.</summary>
    public abstract string EndlessRows { get; }

    /// <summary>A nonQuery that puts <c>@n</c> into the table <c>done</c> and takes some milliseconds.</summary>
    public abstract string SlowWrite { get; }

    /// <summary>A reader that writes 1 into <c>done</c> and answers with more than 8 MiB.</summary>
    public abstract string LargeWrite { get; }

    /// <summary>Some 24 MB of rows that do not compress well.</summary>
    public abstract string Noise { get; }

    /// <summary>Makes the tables.</summary>
    public virtual async Task PrepareAsync()
    {
        await ScalarAsync("CREATE TABLE done (n int)");
        await ScalarAsync("CREATE TABLE touched (t int)");
        await ScalarAsync("INSERT INTO touched VALUES (1)");
    }

    /// <summary>Whether any statement of the Link runs, or holds anything.</summary>
    public abstract Task<bool> IsBusyAsync();

    /// <summary>Whether an integrator's statement runs. The Link's own looks at the database make it busy for a moment as well.</summary>
    public virtual async Task<bool> IsExecutingAsync()
    {
        if (!await IsBusyAsync())
            return false;
        await Task.Delay(TimeSpan.FromMilliseconds(50));
        return await IsBusyAsync();
    }

    /// <summary>How often <paramref name="n"/> stands in <c>done</c>.</summary>
    public async Task<long> CountAsync(int n) => Convert.ToInt64(await ScalarAsync($"SELECT COUNT(*) FROM done WHERE n = {n}"), CultureInfo.InvariantCulture);

    protected abstract Task<object?> ScalarAsync(string sql);
}

/// <summary>Watched through its activity view.</summary>
public sealed class PostgresPractice(string connectionString) : EndingsPractice("postgres", connectionString)
{
    public override string Endless => "SELECT pg_sleep(300), t FROM touched";

    public override string EndlessRows => "SELECT generate_series(1, 2000000000) AS i, repeat('x', 500) AS x";

    public override string SlowWrite => "INSERT INTO done SELECT @n::int FROM (SELECT pg_sleep(0.01)) AS slow";

    public override string LargeWrite => "INSERT INTO done VALUES (1) RETURNING repeat('x', 9000000) AS x";

    public override string Noise => "SELECT (SELECT string_agg(md5((i * 97 + k)::text), '') FROM generate_series(1, 30) AS k) AS x FROM generate_series(1, 25000) AS i";

    public override async Task<bool> IsBusyAsync() => 0L != (long)(await ScalarAsync(
        "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"))!;

    /// <summary>The comment before it names its query.</summary>
    public override async Task<bool> IsExecutingAsync() => 0L != (long)(await ScalarAsync(
        "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle' AND query LIKE '%query=%'"))!;

    protected override async Task<object?> ScalarAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(ConnectionString + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }
}

/// <summary>Watched by its lock: who gets the file for himself alone knows that nobody else uses it.</summary>
public sealed class SqlitePractice(string connectionString) : EndingsPractice("sqlite", connectionString)
{
    const int Busy = 5;
    const string Numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)";

    public override string Endless => $"{Numbers} SELECT COUNT(*) FROM touched, n WHERE i < 0";

    public override string EndlessRows => $"{Numbers} SELECT i, hex(zeroblob(250)) AS x FROM touched, n";

    public override string SlowWrite => "INSERT INTO done WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) SELECT @n FROM n WHERE i = 50000";

    public override string LargeWrite => "INSERT INTO done VALUES (1) RETURNING hex(zeroblob(4500000)) AS x";

    public override string Noise => $"{Numbers} SELECT hex(randomblob(480)) AS x FROM touched, n LIMIT 25000";

    public override async Task<bool> IsBusyAsync()
    {
        try
        {
            await ScalarAsync("BEGIN EXCLUSIVE; ROLLBACK");
            return false;
        }
        catch (SqliteException e) when (e.SqliteErrorCode == Busy)
        {
            return true;
        }
    }

    protected override async Task<object?> ScalarAsync(string sql)
    {
        // It waits for nobody but where a table is made or counted: then the Link's own statements may be short of their end.
        await using var connection = new SqliteConnection(ConnectionString + ";Pooling=False");
        await connection.OpenAsync();
        await using var command = new SqliteCommand(sql, connection) { CommandTimeout = sql.StartsWith("BEGIN", StringComparison.Ordinal) ? 1 : 60 };
        return await command.ExecuteScalarAsync();
    }
}

using System.Data;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using CommandType = System.Data.CommandType;
using ParameterDirection = System.Data.ParameterDirection;

namespace Halo.Data.Tests.Programs;

/// <summary>Commands, their parameters, and how they end.</summary>
public abstract class CommandTests(SharedPractice practice) : ProviderTests(practice)
{
    [Fact]
    public async Task Parameters_stand_in_the_text_by_name_or_by_place()
    {
        await using var connection = await OpenAsync();
        await using var command = new HaloDbCommand("SELECT CAST(@a AS int) - CAST(@b AS int) AS n, '@a ? $1' AS text -- ? @b", connection);
        command.Parameters.AddWithValue("@b", 2);
        command.Parameters.AddWithValue("a", 9);
        Assert.Equal(7, Convert.ToInt32(await command.ExecuteScalarAsync()));

        foreach (var text in new[] { "SELECT CAST(? AS int) - CAST(? AS int), '? $3' /* ? */", "SELECT CAST($1 AS int) - CAST($2 AS int) - CAST($1 AS int) + CAST($1 AS int)" })
        {
            await using var places = new HaloDbCommand(text, connection);
            places.Parameters.AddWithValue(null, 9);
            places.Parameters.AddWithValue("", 2);
            Assert.Equal(7, Convert.ToInt32(await places.ExecuteScalarAsync()));
            places.Parameters.AddWithValue(null, 3);
            Assert.Contains("The text has 2 and the command 3", (await Assert.ThrowsAsync<InvalidOperationException>(() => places.ExecuteScalarAsync())).Message, StringComparison.Ordinal);
            places.Parameters[2].ParameterName = "c";
            Assert.Contains("Some of the command's parameters", (await Assert.ThrowsAsync<InvalidOperationException>(() => places.ExecuteScalarAsync())).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Each_type_of_ADO_NET_is_one_of_the_database()
    {
        await using var connection = await OpenAsync();
        await DoAsync(connection, $"CREATE TABLE {Table} (n bigint, d decimal(20,4), f double precision, t text, b boolean, x {Binary}, born date, at timestamp)");
        await using var insert = new HaloDbCommand($"INSERT INTO {Table} VALUES (@n, @d, @f, @t, @b, @x, @born, @at)", connection);
        foreach (var (name, type, value) in new (string, DbType, object)[]
        {
            ("n", DbType.Int64, "42"), ("d", DbType.Currency, 12.5m), ("f", DbType.Double, 0.5), ("t", DbType.AnsiString, 'x'), ("b", DbType.Boolean, true), ("x", DbType.Binary, new byte[] { 1 }),
            ("born", DbType.Date, new DateTime(2026, 3, 5, 14, 0, 0)), ("at", DbType.DateTime, new DateTime(2026, 3, 5, 14, 30, 0, DateTimeKind.Utc)),
        })
        {
            var parameter = insert.CreateParameter();
            (parameter.ParameterName, parameter.DbType, parameter.Value) = (name, type, value);
            insert.Parameters.Add(parameter);
        }
        Assert.Equal(1, insert.ExecuteNonQuery());
        await using var select = new HaloDbCommand($"SELECT n, d, f, t, b, x, born, at FROM {Table}", connection);
        await using (var reader = await select.ExecuteReaderAsync())
        {
            Assert.True(await reader.ReadAsync());
            var row = new object[8];
            reader.GetValues(row);
            Assert.Equal([42L, 12.5m, 0.5, "x", true, new byte[] { 1 }, new DateTime(2026, 3, 5), new DateTime(2026, 3, 5, 14, 30, 0)], row);
        }
        // What does not fit is refused, and nothing ran.
        insert.Parameters["@n"].Value = "many";
        var refused = await Assert.ThrowsAsync<HaloDbException>(() => insert.ExecuteNonQueryAsync());
        Assert.Equal((FailureCodes.InvalidParameter, Executed.No), (refused.Code, refused.Executed));
        insert.Parameters["@n"].Value = 1;
        insert.Parameters["@at"].Value = new DateTime(2026, 3, 5, 0, 0, 0, DateTimeKind.Local);
        Assert.Contains("kind Local", (await Assert.ThrowsAsync<ArgumentException>(() => insert.ExecuteNonQueryAsync())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Scalars_and_counts_are_those_of_the_database()
    {
        await using var connection = await OpenAsync();
        Assert.True(await DoAsync(connection, $"CREATE TABLE {Table} (n int)") is -1 or 0);
        Assert.Equal(3, await DoAsync(connection, $"INSERT INTO {Table} VALUES (1), (2), (NULL)"));
        await using var command = new HaloDbCommand($"SELECT n FROM {Table} WHERE n = @n", connection);
        var n = command.Parameters.AddWithValue("n", 2);
        Assert.Equal(2, command.ExecuteScalar());
        n.Value = 7;
        Assert.Null(command.ExecuteScalar());
        command.CommandText = $"SELECT n FROM {Table} WHERE n IS NULL AND COALESCE(CAST(@n AS int), 1) = 1";
        n.Value = DBNull.Value;
        Assert.Same(DBNull.Value, await command.ExecuteScalarAsync());
        Assert.Equal(-1, await DoAsync(connection, $"SELECT n FROM {Table}"));
        Assert.Equal(2, await DoAsync(connection, $"UPDATE {Table} SET n = n + 1 WHERE n > 0"));
        // Rows that a write gives back are read as any.
        command.CommandText = $"INSERT INTO {Table} VALUES (@n) RETURNING n";
        n.Value = 11;
        await using var reader = await command.ExecuteReaderAsync();
        Assert.True(await reader.ReadAsync());
        Assert.Equal(11, reader.GetInt32(0));
        Assert.False(await reader.ReadAsync());
    }

    [Fact]
    public async Task What_the_database_refuses_comes_as_its_own_words_and_numbers()
    {
        await using var connection = await OpenAsync();
        await using var command = new HaloDbCommand("SELECT missing FROM nowhere", connection);
        foreach (var run in new Func<Task>[] { () => command.ExecuteReaderAsync(), () => command.ExecuteScalarAsync(), () => command.ExecuteNonQueryAsync() })
        {
            var error = await Assert.ThrowsAsync<HaloDbException>(run);
            Assert.Contains("nowhere", error.Message, StringComparison.Ordinal);
            Assert.Equal((Executed.No, false, IsPostgres ? "42P01" : null, IsPostgres ? null : 1), (error.Executed, error.IsTransient, error.SqlState, error.ErrorNumber));
            Assert.NotNull(error.QueryId);
            Assert.Null(error.BatchCommand);
        }
    }

    [Fact]
    public async Task A_text_that_gives_several_results_is_not_taken_for_one()
    {
        await using var connection = await OpenAsync();
        await DoAsync(connection, $"CREATE TABLE {Table} (n int); INSERT INTO {Table} VALUES (5)");
        await using var command = new HaloDbCommand($"INSERT INTO {Table} VALUES (6); SELECT n FROM {Table} ORDER BY n;", connection);
        await using (var one = await command.ExecuteReaderAsync())
        {
            Assert.True(await one.ReadAsync());
            Assert.Equal(5, one.GetInt32(0));
            Assert.False(await one.NextResultAsync());
        }
        command.CommandText = "SELECT 1 AS a; SELECT 2 AS b";
        await using var two = await command.ExecuteReaderAsync();
        Assert.True(await two.ReadAsync());
        Assert.Contains("gave 2 results", (await Assert.ThrowsAsync<NotSupportedException>(() => two.NextResultAsync())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_command_is_cancelled_by_its_token_by_Cancel_and_by_its_timeout()
    {
        await using var connection = await OpenAsync();
        await using var command = new HaloDbCommand(Endless, connection);
        using (var leave = new CancellationTokenSource())
        {
            var running = command.ExecuteScalarAsync(leave.Token);
            await leave.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        }
        var cancelled = Task.Run(() => Assert.Throws<HaloDbException>(() => command.ExecuteScalar()));
        while (!cancelled.IsCompleted)
        {
            command.Cancel();
            await Task.Yield();
        }
        Assert.Equal(FailureCodes.CancelledByIntegrator, (await cancelled).Code);
        command.CommandTimeout = 1;
        var late = await Assert.ThrowsAsync<HaloDbException>(() => command.ExecuteScalarAsync());
        Assert.Equal((FailureCodes.ExecutionTimeout, true), (late.Code, late.IsTransient));
        // Longer than the service lets anybody have is as long as that, and no error.
        (command.CommandTimeout, command.CommandText) = (3600, "SELECT 1");
        Assert.Equal(1, Convert.ToInt32(await command.ExecuteScalarAsync()));

        command.CommandText = Numbers(2_000_000_000);
        await using var reader = await command.ExecuteReaderAsync();
        Assert.True(await reader.ReadAsync());
        command.Cancel();
        await Assert.ThrowsAsync<HaloDbException>(async () =>
        {
            while (await reader.ReadAsync())
            {
                // Some rows have come already.
            }
        });
    }

    [Fact]
    public async Task Outputs_of_a_procedure_are_set()
    {
        Assert.SkipUnless(IsPostgres, "SQLite has no procedures.");
        await using var connection = await OpenAsync();
        await DoAsync(connection, $"CREATE PROCEDURE {Table} (IN a int, INOUT total numeric, INOUT note text) LANGUAGE plpgsql AS $$ BEGIN total := total + a; note := 'done'; END $$");
        await using var command = new HaloDbCommand(Table, connection) { CommandType = CommandType.StoredProcedure };
        command.Parameters.AddWithValue("a", 2);
        var total = command.Parameters.AddWithValue("total", 40.5m);
        total.Direction = ParameterDirection.InputOutput;
        var note = command.Parameters.AddWithValue("note", null, SqlType.NVarChar);
        note.Direction = ParameterDirection.InputOutput;
        await command.ExecuteNonQueryAsync();
        Assert.Equal((42.5m, "done"), (total.Value, note.Value));
        total.Value = 1m;
        await using var reader = await command.ExecuteReaderAsync();
        Assert.Equal(3m, total.Value);
        Assert.Throws<ArgumentOutOfRangeException>(() => command.CommandType = CommandType.TableDirect);
    }

    [Fact]
    public async Task A_key_of_ones_own_binds_a_command_across_connections()
    {
        await using var connection = await OpenAsync();
        await DoAsync(connection, $"CREATE TABLE {Table} (n int)");
        for (var attempt = 0; attempt < 3; attempt++)
        {
            await using var again = await OpenAsync();
            await using var insert = new HaloDbCommand($"INSERT INTO {Table} VALUES (1)", again) { IdempotencyKey = Table };
            Assert.Equal(1, await insert.ExecuteNonQueryAsync());
        }
        await using var count = new HaloDbCommand($"SELECT COUNT(*) FROM {Table}", connection);
        Assert.Equal(1L, await count.ExecuteScalarAsync());
    }
}

public sealed class SqliteCommandTests(SqlitePractice practice) : CommandTests(practice), IClassFixture<SqlitePractice>;

public sealed class PostgresCommandTests(PostgresPractice practice) : CommandTests(practice), IClassFixture<PostgresPractice>;

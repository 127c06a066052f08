using System.Data;
using System.Data.Common;
using System.Transactions;
using Dapper;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using IsolationLevel = System.Data.IsolationLevel;

namespace Halo.Data.Tests.Programs;

/// <summary>Several commands in one transaction, as a DbBatch.</summary>
public abstract class BatchTests(SharedPractice practice) : ProviderTests(practice)
{
    async Task<HaloDbConnection> WithTableAsync()
    {
        var connection = await OpenAsync();
        await DoAsync(connection, $"CREATE TABLE {Table} (id int PRIMARY KEY, name text)");
        return connection;
    }

    async Task<long> CountAsync(HaloDbConnection connection) => await connection.ExecuteScalarAsync<long>($"SELECT COUNT(*) FROM {Table}");

    static HaloDbBatchCommand Add(HaloDbBatch batch, string text, params object?[] values)
    {
        var command = batch.BatchCommands.Add(text);
        for (var i = 0; i < values.Length; i++)
            command.Parameters.AddWithValue($"p{i}", values[i]);
        return command;
    }

    [Fact]
    public async Task Commands_run_together_and_their_rows_come_one_after_the_other()
    {
        await using var connection = await WithTableAsync();
        await using var batch = connection.CreateBatch();
        batch.IsolationLevel = IsolationLevel.Serializable;
        var insert = Add(batch, $"INSERT INTO {Table} VALUES (@p0, @p1), (2, 'two')", 1, "O'Ω");
        Add(batch, $"SELECT id, name FROM {Table} ORDER BY id");
        Add(batch, $"SELECT id, name FROM {Table} WHERE id > @p0", 5);
        var update = Add(batch, $"UPDATE {Table} SET name = 'second' WHERE id = 2 RETURNING name, id");
        var delete = Add(batch, $"DELETE FROM {Table} WHERE name = 'returning nothing'");
        await using var reader = await batch.ExecuteReaderAsync();
        Assert.Equal((2, -1, 0), (insert.RecordsAffected, update.RecordsAffected, delete.RecordsAffected));
        Assert.Equal(2, reader.RecordsAffected);
        Assert.True(await reader.ReadAsync());
        Assert.Equal((1, "O'Ω"), (reader.GetInt32(0), reader.GetString(1)));
        Assert.True(await reader.NextResultAsync());
        // It has no rows, and the columns are those before.
        Assert.Equal((2, "name", false), (reader.FieldCount, reader.GetName(1), await reader.ReadAsync()));
        Assert.True(reader.NextResult());
        Assert.True(reader.Read());
        Assert.Equal(("second", 2), (reader["name"], reader["id"]));
        Assert.False(reader.Read());
        Assert.False(reader.NextResult());
        Assert.Equal(2, await CountAsync(connection));
    }

    [Fact]
    public async Task A_thousand_that_differ_by_their_values_are_one_batch()
    {
        await using var connection = await WithTableAsync();
        await using var batch = new HaloDbBatch(connection);
        for (var i = 0; i < 1000; i++)
            Add(batch, $"INSERT INTO {Table} VALUES (@p0, @p1)", i, $"n{i}");
        Assert.Equal(1000, batch.ExecuteNonQuery());
        Assert.Equal(1000, await CountAsync(connection));
        Add(batch, $"INSERT INTO {Table} VALUES (@p0, @p1)", 1000, "one more");
        var tooMany = await Assert.ThrowsAsync<HaloDbException>(() => batch.ExecuteNonQueryAsync());
        Assert.Equal((ErrorCodes.InvalidRequest, Executed.No), (tooMany.Code, tooMany.Executed));
    }

    [Fact]
    public async Task One_that_fails_takes_all_back_and_is_named()
    {
        await using var connection = await WithTableAsync();
        await using var batch = connection.CreateBatch();
        Add(batch, $"INSERT INTO {Table} VALUES (1, 'one')");
        var second = Add(batch, $"INSERT INTO {Table} VALUES (@p0, 'again')", 1);
        foreach (var run in new Func<Task>[] { () => batch.ExecuteNonQueryAsync(), () => batch.ExecuteReaderAsync(), () => batch.ExecuteScalarAsync() })
        {
            var failed = await Assert.ThrowsAsync<HaloDbException>(run);
            Assert.Equal((1, Executed.No, false), (failed.BatchCommandIndex, failed.Executed, failed.IsTransient));
            Assert.Same(second, failed.BatchCommand);
            Assert.Equal(IsPostgres ? "23505" : null, failed.SqlState);
            Assert.Equal(-1, batch.BatchCommands[0].RecordsAffected);
        }
        Assert.Equal(0, await CountAsync(connection));
        batch.BatchCommands.Clear();
        await Assert.ThrowsAsync<InvalidOperationException>(() => batch.ExecuteNonQueryAsync());
        Add(batch, "COMMIT");
        var ended = await Assert.ThrowsAsync<HaloDbException>(() => batch.ExecuteNonQueryAsync());
        // SQLite does not even begin it.
        Assert.Equal(IsPostgres ? FailureCodes.TransactionEnded : null, ended.Code);
    }

    [Fact]
    public async Task A_batch_is_made_and_run_without_knowing_the_provider()
    {
        await using var connection = await WithTableAsync();
        DbConnection any = connection;
        Assert.True(any.CanCreateBatch);
        await using var batch = any.CreateBatch();
        foreach (var text in new[] { $"INSERT INTO {Table} VALUES (@id, 'x')", $"SELECT name FROM {Table} WHERE id = @id" })
        {
            var command = batch.CreateBatchCommand();
            command.CommandText = text;
            var id = command.CreateParameter();
            (id.ParameterName, id.Value) = ("id", 7);
            command.Parameters.Add(id);
            batch.BatchCommands.Add(command);
        }
        Assert.Equal("x", await batch.ExecuteScalarAsync());
        await using var other = HaloDbProviderFactory.Instance.CreateBatch();
        Assert.Throws<InvalidCastException>(() => other.Connection = new Microsoft.Data.Sqlite.SqliteConnection());
        await Assert.ThrowsAsync<InvalidOperationException>(() => other.ExecuteNonQueryAsync());
    }

    [Fact]
    public async Task A_set_of_tables_is_filled_from_a_batch()
    {
        await using var connection = await WithTableAsync();
        await using var batch = connection.CreateBatch();
        Add(batch, "SELECT 1 AS a");
        Add(batch, $"INSERT INTO {Table} VALUES (1, 'one')");
        Add(batch, "SELECT 2 AS b UNION ALL SELECT 3");
        await using var reader = await batch.ExecuteReaderAsync();
        using var set = new DataSet();
        set.Load(reader, LoadOption.OverwriteChanges, "first", "second");
        Assert.Equal((1, 2, "b"), (set.Tables[0].Rows.Count, set.Tables[1].Rows.Count, set.Tables[1].Columns[0].ColumnName));
    }

    [Fact]
    public async Task A_transaction_is_refused_and_the_text_points_to_batches()
    {
        await using var connection = await WithTableAsync();
        foreach (var refused in new Func<object>[]
        {
            () => connection.BeginTransaction(), () => connection.BeginTransaction(IsolationLevel.Serializable), () => connection.BeginTransactionAsync().AsTask().GetAwaiter().GetResult(),
        })
            Assert.Contains("DbBatch", Assert.Throws<NotSupportedException>(refused).Message, StringComparison.Ordinal);
        // Nor does it seem to take part in one that is around it.
        using var scope = new TransactionScope(TransactionScopeAsyncFlowOption.Enabled);
        await using var within = new HaloDbConnection(ConnectionString);
        Assert.Contains("TransactionScope", (await Assert.ThrowsAsync<NotSupportedException>(() => within.OpenAsync())).Message, StringComparison.Ordinal);
        Assert.Throws<NotSupportedException>(() => connection.EnlistTransaction(Transaction.Current));
        within.ConnectionString = ConnectionString + ";Enlist=false";
        await within.OpenAsync();
        Assert.Equal(ConnectionState.Open, within.State);
    }
}

public sealed class SqliteBatchTests(SqlitePractice practice) : BatchTests(practice), IClassFixture<SqlitePractice>;

public sealed class PostgresBatchTests(PostgresPractice practice) : BatchTests(practice), IClassFixture<PostgresPractice>;

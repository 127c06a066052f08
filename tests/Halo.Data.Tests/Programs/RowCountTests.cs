using System.Data;
using System.Data.Common;

namespace Halo.Data.Tests.Programs;

/// <summary>What an adapter and a batch rely on: how many rows were changed, and values of this result alone.</summary>
public abstract class RowCountTests(SharedPractice practice) : ProviderTests(practice)
{
    [Fact]
    public async Task An_update_that_meets_no_row_is_a_conflict_for_an_adapter()
    {
        await using var connection = await OpenAsync();
        await MakeAsync(connection);
        using var adapter = new HaloDbDataAdapter { SelectCommand = new HaloDbCommand($"SELECT id, version FROM {Table}", connection) };
        using var table = new DataTable();
        adapter.Fill(table);
        var update = new HaloDbCommand($"UPDATE {Table} SET version = version + 1 WHERE id = @id AND version = @version", connection);
        foreach (var name in (string[])["id", "version"])
            update.Parameters.Add(new HaloDbParameter { ParameterName = name, SourceColumn = name, DbType = DbType.Int32, SourceVersion = DataRowVersion.Original });
        adapter.UpdateCommand = update;
        table.Rows[0]["version"] = 99;
        Assert.Equal(1, adapter.Update(table));
        // Somebody else was there first: its version is another by now.
        table.Rows[0]["version"] = 100;
        table.AcceptChanges();
        table.Rows[0]["version"] = 101;
        Assert.Throws<DBConcurrencyException>(() => adapter.Update(table));
    }

    [Fact]
    public async Task A_reader_says_how_many_rows_were_changed()
    {
        await using var connection = await OpenAsync();
        await MakeAsync(connection);
        await using (var silent = await new HaloDbCommand($"UPDATE {Table} SET version = 5", connection).ExecuteReaderAsync())
            Assert.Equal((2, 0, false), (silent.RecordsAffected, silent.FieldCount, await silent.ReadAsync()));
        await using var returning = await new HaloDbCommand($"UPDATE {Table} SET version = 6 RETURNING id", connection).ExecuteReaderAsync();
        while (await returning.ReadAsync())
        {
            // To its end.
        }
        Assert.Equal(2, returning.RecordsAffected);
        await using var none = await new HaloDbCommand($"DELETE FROM {Table} WHERE id = 77 RETURNING id", connection).ExecuteReaderAsync();
        Assert.Equal(0, none.RecordsAffected);
        await using var read = await new HaloDbCommand($"SELECT id FROM {Table}", connection).ExecuteReaderAsync();
        Assert.Equal(-1, read.RecordsAffected);
    }

    [Fact]
    public async Task A_stream_of_the_result_before_is_not_given_for_this_ones()
    {
        await using var connection = await OpenAsync();
        await using var batch = new HaloDbBatch(connection);
        foreach (var text in (string[])["first", "second"])
            batch.BatchCommands.Add(new HaloDbBatchCommand($"SELECT '{text}' AS document"));
        await using DbDataReader reader = await batch.ExecuteReaderAsync();
        Assert.True(await reader.ReadAsync());
        Assert.Equal("first", reader.GetTextReader(0).ReadToEnd());
        Assert.True(await reader.NextResultAsync());
        Assert.True(await reader.ReadAsync());
        Assert.Equal("second", reader.GetTextReader(0).ReadToEnd());
    }

    async Task MakeAsync(HaloDbConnection connection)
    {
        await new HaloDbCommand($"CREATE TABLE {Table} (id int PRIMARY KEY, version int)", connection).ExecuteNonQueryAsync();
        await new HaloDbCommand($"INSERT INTO {Table} VALUES (1, 1), (2, 1)", connection).ExecuteNonQueryAsync();
    }
}

public sealed class SqliteRowCountTests(SqlitePractice practice) : RowCountTests(practice), IClassFixture<SqlitePractice>;

public sealed class PostgresRowCountTests(PostgresPractice practice) : RowCountTests(practice), IClassFixture<PostgresPractice>;

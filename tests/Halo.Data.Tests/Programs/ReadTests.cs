using System.Data;
using System.Numerics;
using System.Text.Json;

namespace Halo.Data.Tests.Programs;

/// <summary>Rows by reader, table and adapter.</summary>
public abstract class ReadTests(SharedPractice practice) : ProviderTests(practice)
{
    [Fact]
    public async Task Every_type_goes_in_as_a_parameter_and_comes_back_by_every_getter()
    {
        await using var connection = await OpenAsync();
        await DoAsync(connection, $"CREATE TABLE {Table} (big bigint, small smallint, amount decimal(20,3), ratio double precision, flag boolean, name varchar(50), bits {Binary}, id uuid, born date, at timestamp, clock time)");
        var (id, bits, at) = (Guid.Parse("6f9619ff-8b86-d011-b42d-00c04fc964ff"), new byte[] { 0, 255, 7 }, new DateTime(2026, 3, 5, 14, 30, 0, 123));
        await using var insert = new HaloDbCommand($"INSERT INTO {Table} VALUES (@big, @small, @amount, @ratio, @flag, @name, @bits, @id, @born, @at, @clock)", connection);
        insert.Parameters.AddWithValue("big", long.MaxValue);
        insert.Parameters.AddWithValue("@small", (short)-7);
        insert.Parameters.AddWithValue("amount", 1234.500m);
        insert.Parameters.AddWithValue("ratio", 0.1);
        insert.Parameters.AddWithValue("flag", true);
        insert.Parameters.AddWithValue("name", "O'Connor \"Zoë\" 😀");
        insert.Parameters.AddWithValue("bits", bits);
        insert.Parameters.AddWithValue("id", id);
        insert.Parameters.AddWithValue("born", new DateOnly(1969, 6, 8));
        insert.Parameters.AddWithValue("at", at);
        insert.Parameters.AddWithValue("clock", new TimeSpan(8, 30, 15));
        Assert.Equal(1, await insert.ExecuteNonQueryAsync());
        Assert.Equal(1, await DoAsync(connection, $"INSERT INTO {Table} (big) VALUES (1)"));

        await using var select = new HaloDbCommand($"SELECT * FROM {Table} ORDER BY big DESC", connection);
        await using var reader = await select.ExecuteReaderAsync();
        Assert.True(reader.HasRows);
        Assert.Equal(11, reader.FieldCount);
        Assert.Equal([typeof(long), typeof(short), typeof(decimal), typeof(double), typeof(bool), typeof(string), typeof(byte[]), typeof(Guid), typeof(DateTime), typeof(DateTime), typeof(TimeSpan)],
            Enumerable.Range(0, 11).Select(reader.GetFieldType));
        Assert.Throws<InvalidOperationException>(() => reader.GetValue(0));
        Assert.True(await reader.ReadAsync());
        var all = new object[11];
        Assert.Equal(11, reader.GetValues(all));
        Assert.Equal([long.MaxValue, (short)-7, 1234.500m, 0.1, true, "O'Connor \"Zoë\" 😀", bits, id, new DateTime(1969, 6, 8), at, new TimeSpan(8, 30, 15)], all);
        Assert.Equal((long.MaxValue, -7, 1234.5m, 0.1, true), (reader.GetInt64(0), reader.GetInt32(1), reader.GetDecimal(2), reader.GetDouble(3), reader.GetBoolean(4)));
        Assert.Equal((id, at, new DateTime(1969, 6, 8)), (reader.GetGuid(7), reader.GetDateTime(9), reader.GetDateTime(8)));
        Assert.Equal((new DateOnly(1969, 6, 8), new TimeOnly(8, 30, 15), (BigInteger)long.MaxValue), (reader.GetFieldValue<DateOnly>(8), reader.GetFieldValue<TimeOnly>(10), reader.GetFieldValue<BigInteger>(0)));
        Assert.Equal((long.MaxValue, (long?)long.MaxValue, JsonValueKind.Number), (reader.GetFieldValue<object>(0), reader.GetFieldValue<long?>(0), reader.GetFieldValue<JsonElement>(0).ValueKind));
        Assert.Equal(long.MaxValue.ToString(), reader.GetString(0));
        Assert.Equal((long.MaxValue, id), (reader["BIG"], reader["id"]));
        Assert.Throws<InvalidCastException>(() => reader.GetInt32(0));
        Assert.Throws<InvalidCastException>(() => reader.GetInt32(5));
        Assert.Throws<InvalidCastException>(() => reader.GetFieldValue<Version>(5));
        Assert.Throws<IndexOutOfRangeException>(() => reader.GetValue(11));
        Assert.Throws<IndexOutOfRangeException>(() => reader["nothing"]);
        using (var text = reader.GetTextReader(5))
            Assert.Equal("O'Connor", (await text.ReadToEndAsync())[..8]);
        await using (var stream = reader.GetStream(6))
            Assert.Equal(3, stream.Length);
        var piece = new byte[2];
        Assert.Equal((3, 2, 1), (reader.GetBytes(6, 0, null, 0, 0), reader.GetBytes(6, 0, piece, 0, 2), reader.GetBytes(6, 2, piece, 0, 2)));
        var characters = new char[4];
        Assert.Equal(3, reader.GetChars(5, 2, characters, 1, 3));
        Assert.Equal("\0Con", new string(characters));

        Assert.True(await reader.ReadAsync());
        for (var i = 1; i < 11; i++)
        {
            Assert.True(await reader.IsDBNullAsync(i));
            Assert.Same(DBNull.Value, reader.GetValue(i));
        }
        Assert.Throws<InvalidCastException>(() => reader.GetString(5));
        Assert.Throws<InvalidCastException>(() => reader.GetFieldValue<string>(5));
        Assert.Throws<InvalidCastException>(() => reader.GetBoolean(4));
        Assert.Null(reader.GetFieldValue<bool?>(4));
        Assert.False(await reader.ReadAsync());
        Assert.Throws<InvalidOperationException>(() => reader.GetValue(0));
        Assert.False(await reader.NextResultAsync());
        Assert.Equal(-1, reader.RecordsAffected);
    }

    [Fact]
    public void A_long_stream_is_read_whole_in_order_and_synchronously()
    {
        const int Rows = 150_000;
        using var connection = Open();
        using var command = new HaloDbCommand(Numbers(Rows), connection);
        using var reader = command.ExecuteReader();
        var count = 0;
        while (reader.Read())
        {
            count++;
            if (reader.GetInt64(0) != count || reader.GetDecimal(2) != count * 0.25m || reader.IsDBNull(3) == (count % 3 == 0))
                Assert.Fail($"Row {count} is another one.");
        }
        Assert.Equal(Rows, count);
    }

    [Fact]
    public async Task Columns_are_known_also_where_there_are_no_rows()
    {
        await using var connection = await OpenAsync();
        await DoAsync(connection, $"CREATE TABLE {Table} (id bigint NOT NULL, name varchar(3), amount decimal(38,3))");
        await using var command = new HaloDbCommand($"SELECT * FROM {Table}", connection);
        await using (var reader = await command.ExecuteReaderAsync())
        {
            Assert.False(reader.HasRows);
            Assert.Equal(["id", "name", "amount"], Enumerable.Range(0, 3).Select(reader.GetName));
            var columns = await reader.GetColumnSchemaAsync();
            Assert.Equal([typeof(long), typeof(string), typeof(decimal)], columns.Select(c => c.DataType));
            Assert.Equal((3, 38, 3, 2), (columns[1].ColumnSize, columns[2].NumericPrecision, columns[2].NumericScale, columns[2].ColumnOrdinal));
            using var schema = reader.GetSchemaTable()!;
            Assert.Equal(["id", "name", "amount"], schema.Rows.Cast<DataRow>().Select(r => (string)r["ColumnName"]));
            Assert.Equal([typeof(long), typeof(string), typeof(decimal)], schema.Rows.Cast<DataRow>().Select(r => (Type)r["DataType"]));
            Assert.False(await reader.ReadAsync());
        }
        await using (var shape = await command.ExecuteReaderAsync(CommandBehavior.SchemaOnly))
            Assert.Equal((3, false), (shape.FieldCount, await shape.ReadAsync()));
        command.CommandText = $"DELETE FROM {Table}";
        await Assert.ThrowsAsync<NotSupportedException>(() => command.ExecuteReaderAsync(CommandBehavior.SchemaOnly));
        await using var nothing = await command.ExecuteReaderAsync();
        Assert.Equal((0, false, null), (nothing.FieldCount, await nothing.ReadAsync(), nothing.GetSchemaTable()));
    }

    [Fact]
    public void Tables_and_adapters_are_filled()
    {
        using var connection = Open();
        using var command = new HaloDbCommand(Numbers(1000), connection);
        using var loaded = new DataTable();
        using (var reader = command.ExecuteReader())
            loaded.Load(reader);
        Assert.Equal((1000, 4), (loaded.Rows.Count, loaded.Columns.Count));
        Assert.Equal((7L, "Patient 7", DBNull.Value), (loaded.Rows[6]["id"], loaded.Rows[6]["name"], loaded.Rows[6]["third"]));

        using var adapter = new HaloDbDataAdapter(Numbers(10), connection);
        using var set = new DataSet();
        Assert.Equal(10, adapter.Fill(set));
        Assert.Equal(1.75m, Convert.ToDecimal(set.Tables[0].Rows[6]["amount"]));
        using var shape = new DataTable();
        adapter.FillSchema(shape, SchemaType.Source);
        Assert.Equal(["id", "name", "amount", "third"], shape.Columns.Cast<DataColumn>().Select(c => c.ColumnName));
    }

    [Fact]
    public async Task Texts_longer_than_declared_and_empty_ones_fill_a_table()
    {
        await using var connection = await OpenAsync();
        await DoAsync(connection, $"CREATE TABLE {Table} (id int NOT NULL, name {(IsPostgres ? "text" : "varchar(3)")})");
        await DoAsync(connection, $"INSERT INTO {Table} VALUES (1, 'longer than three'), (2, ''), (3, NULL)");
        await using var command = new HaloDbCommand($"SELECT * FROM {Table} ORDER BY id", connection);
        await using var reader = await command.ExecuteReaderAsync();
        using var table = new DataTable();
        table.Load(reader);
        Assert.Equal(["longer than three", "", DBNull.Value], table.Rows.Cast<DataRow>().Select(r => r["name"]));
        Assert.True(reader.IsClosed);
    }

    [Fact]
    public async Task What_dotnet_does_not_hold_is_a_clear_error_and_whole_as_text()
    {
        await using var connection = await OpenAsync();
        var digits = "12345678901234567890123456789012345.678";
        await DoAsync(connection, $"CREATE TABLE {Table} (amount decimal(38,3), born date, ratio double precision)");
        await DoAsync(connection, IsPostgres
            ? $"INSERT INTO {Table} VALUES ({digits}, '0044-03-15 BC', 'NaN')"
            : $"INSERT INTO {Table} VALUES (1, 'in spring', 9e999)");
        await using var command = new HaloDbCommand(IsPostgres ? $"SELECT * FROM {Table}" : $"SELECT CAST('{digits}' AS TEXT) AS amount, born, ratio FROM {Table}", connection);
        await using var reader = await command.ExecuteReaderAsync();
        Assert.True(await reader.ReadAsync());
        Assert.Equal(digits, reader.GetString(0));
        Assert.Contains("more digits than Decimal holds", Assert.Throws<InvalidCastException>(() => reader.GetDecimal(0)).Message, StringComparison.Ordinal);
        Assert.Equal(IsPostgres ? "0044-03-15 BC" : "in spring", reader.GetString(1));
        foreach (var read in new Func<object>[] { () => reader.GetValue(1), () => reader.GetDateTime(1), () => reader.GetFieldValue<DateOnly>(1) })
        {
            var misfit = Assert.Throws<InvalidCastException>(read).Message;
            Assert.Contains("Column born of row 1", misfit, StringComparison.Ordinal);
            Assert.DoesNotContain("spring", misfit, StringComparison.Ordinal);
        }
        Assert.Equal(IsPostgres ? double.NaN : double.PositiveInfinity, reader.GetValue(2));
        if (IsPostgres)
            Assert.Throws<InvalidCastException>(() => reader.GetValue(0));
    }

    /// <summary>As a window's thread that waits for itself: what is posted to it never runs.</summary>
    sealed class BusyContext : SynchronizationContext
    {
        public int Posted { get; private set; }

        public override void Post(SendOrPostCallback d, object? state) => Posted++;
    }

    [Fact]
    public void Synchronous_calls_need_no_context_to_go_on()
    {
        var context = new BusyContext();
        var before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(context);
        try
        {
            using var connection = new HaloDbConnection(ConnectionString + ";Tag=window");
            connection.Open();
            using var command = new HaloDbCommand(Numbers(5000), connection);
            using (var reader = command.ExecuteReader())
            {
                var rows = 0;
                while (reader.Read())
                    rows++;
                Assert.Equal(5000, rows);
            }
            Assert.NotNull(command.ExecuteScalar());
            using var batch = connection.CreateBatch();
            batch.BatchCommands.Add("SELECT 7");
            Assert.Equal(7, Convert.ToInt32(batch.ExecuteScalar()));
            Assert.Equal(0, context.Posted);
            Assert.Same(context, SynchronizationContext.Current);
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(before);
        }
    }

    [Fact]
    public async Task One_row_is_one_row_and_the_rest_is_stopped()
    {
        await using var connection = await OpenAsync();
        await using var command = new HaloDbCommand(Numbers(2_000_000_000), connection);
        await using var reader = await command.ExecuteReaderAsync(CommandBehavior.SingleRow);
        Assert.True(await reader.ReadAsync());
        Assert.Equal(1L, reader.GetInt64(0));
        Assert.False(await reader.ReadAsync());
        Assert.False(await reader.ReadAsync());
        Assert.False(await reader.NextResultAsync());
    }

    [Fact]
    public async Task A_read_whose_token_is_called_ends_by_it()
    {
        await using var connection = await OpenAsync();
        await using var command = new HaloDbCommand(Numbers(2_000_000_000), connection);
        await using var reader = await command.ExecuteReaderAsync();
        using var leave = new CancellationTokenSource();
        var cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            for (var row = 0; await reader.ReadAsync(leave.Token); row++)
                if (row == 1000)
                    await leave.CancelAsync();
        });
        Assert.Equal(leave.Token, cancelled.CancellationToken);
    }

    [Fact]
    public async Task Who_closes_a_reader_early_stops_its_query_and_the_connection_goes_on()
    {
        await using var connection = await OpenAsync();
        await using var command = new HaloDbCommand(Numbers(2_000_000_000), connection);
        var first = await command.ExecuteReaderAsync();
        Assert.True(await first.ReadAsync());
        // Another on the same connection, while the first is open.
        await using (var second = new HaloDbCommand("SELECT 7", connection))
            Assert.Equal(7, Convert.ToInt32(await second.ExecuteScalarAsync()));
        await first.DisposeAsync();
        Assert.True(first.IsClosed);
        Assert.Throws<InvalidOperationException>(() => first.FieldCount);
        var third = await command.ExecuteReaderAsync(CommandBehavior.CloseConnection);
        await connection.CloseAsync();
        Assert.True(third.IsClosed);
    }
}

public sealed class SqliteReadTests(SqlitePractice practice) : ReadTests(practice), IClassFixture<SqlitePractice>;

public sealed class PostgresReadTests(PostgresPractice practice) : ReadTests(practice), IClassFixture<PostgresPractice>;

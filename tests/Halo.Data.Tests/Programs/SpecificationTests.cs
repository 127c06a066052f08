using System.Data;
using System.Data.Common;

namespace Halo.Data.Tests.Programs;

/// <summary>ADO.NET's documented behaviour, through its own types. docs/ado-net.md lists the exceptions.</summary>
public abstract class SpecificationTests(SharedPractice practice) : ProviderTests(practice)
{
    DbConnection Make()
    {
        var connection = HaloDbProviderFactory.Instance.CreateConnection();
        connection.ConnectionString = ConnectionString;
        return connection;
    }

    DbConnection Opened()
    {
        var connection = Make();
        connection.Open();
        return connection;
    }

    static DbCommand Command(DbConnection connection, string text)
    {
        var command = connection.CreateCommand();
        command.CommandText = text;
        return command;
    }

    string Null => IsPostgres ? "CAST(NULL AS text)" : "NULL";

    [Fact]
    public async Task A_connection_opens_closes_and_tells()
    {
        await using var connection = Make();
        Assert.Equal((ConnectionState.Closed, ConnectionString), (connection.State, connection.ConnectionString));
        Assert.Throws<InvalidOperationException>(() => connection.ServerVersion);
        Assert.Throws<InvalidOperationException>(() => connection.GetSchema());
        Assert.Throws<InvalidOperationException>(() => connection.ChangeDatabase("x"));
        var told = new List<(ConnectionState, ConnectionState)>();
        connection.StateChange += (_, change) => told.Add((change.OriginalState, change.CurrentState));
        using (var gone = new CancellationTokenSource())
        {
            await gone.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connection.OpenAsync(gone.Token));
        }
        Assert.Equal(ConnectionState.Closed, connection.State);
        await connection.OpenAsync();
        Assert.Equal(ConnectionState.Open, connection.State);
        Assert.Throws<InvalidOperationException>(connection.Open);
        Assert.Throws<InvalidOperationException>(() => connection.ConnectionString = "");
        Assert.DoesNotContain("Key=", connection.ConnectionString, StringComparison.OrdinalIgnoreCase);
        Assert.NotEmpty(connection.ServerVersion);
        Assert.StartsWith("http://", connection.DataSource, StringComparison.Ordinal);
        Assert.Equal("", connection.Database);
        await connection.CloseAsync();
        connection.Close();
        connection.Open();
        connection.Dispose();
        Assert.Equal((ConnectionState.Closed, 6), (connection.State, told.Count));
        Assert.Equal((ConnectionState.Connecting, ConnectionState.Open), told[1]);
        connection.ConnectionString = null;
        Assert.Equal("", connection.ConnectionString);
        Assert.Throws<InvalidOperationException>(connection.Open);
    }

    [Fact]
    public void A_command_needs_text_and_an_open_connection()
    {
        using var connection = Make();
        using var command = connection.CreateCommand();
        Assert.Same(connection, command.Connection);
        Assert.Equal(("", CommandType.Text, 30, UpdateRowSource.Both, null), (command.CommandText, command.CommandType, command.CommandTimeout, command.UpdatedRowSource, command.Transaction));
        Assert.Same(command.Parameters, command.Parameters);
        command.CommandText = null;
        Assert.Equal("", command.CommandText);
        Assert.Throws<ArgumentException>(() => command.CommandTimeout = -1);
        Assert.Throws<ArgumentOutOfRangeException>(() => command.CommandType = (CommandType)7);
        Assert.Throws<InvalidCastException>(() => command.Connection = new Microsoft.Data.Sqlite.SqliteConnection());
        command.Cancel();
        foreach (var state in new[] { "closed", "without text", "without connection" })
        {
            if (state == "without text")
                connection.Open();
            if (state == "without connection")
                (command.CommandText, command.Connection) = ("SELECT 1", null);
            Assert.Throws<InvalidOperationException>(() => command.ExecuteReader());
            Assert.Throws<InvalidOperationException>(() => command.ExecuteScalar());
            Assert.Throws<InvalidOperationException>(() => command.ExecuteNonQuery());
            Assert.Throws<InvalidOperationException>(command.Prepare);
        }
        command.Cancel();
    }

    [Fact]
    public async Task A_command_executes_in_each_way_and_again()
    {
        await using var connection = Opened();
        await using var command = Command(connection, $"SELECT 42, 43 UNION ALL SELECT 44, {(IsPostgres ? "45" : "NULL")} ORDER BY 1;");
        command.Prepare();
        for (var i = 0; i < 2; i++)
        {
            Assert.Equal(42, Convert.ToInt32(command.ExecuteScalar()));
            await using var reader = await command.ExecuteReaderAsync();
            Assert.Equal(2, reader.FieldCount);
        }
        command.CommandText = "SELECT 1 WHERE 1 = 0";
        Assert.Null(command.ExecuteScalar());
        command.CommandText = $"SELECT {Null}";
        Assert.Same(DBNull.Value, await command.ExecuteScalarAsync());
        command.CommandText = "SELECT @x";
        await Assert.ThrowsAnyAsync<DbException>(() => command.ExecuteScalarAsync());
        using var gone = new CancellationTokenSource();
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => command.ExecuteScalarAsync(gone.Token));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => command.ExecuteNonQueryAsync(gone.Token));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => command.ExecuteReaderAsync(gone.Token));
    }

    [Fact]
    public async Task A_reader_goes_forward_and_ends()
    {
        await using var connection = Opened();
        await using var command = Command(connection, "SELECT 1 AS id, 'a' AS name UNION ALL SELECT 2, 'b' ORDER BY 1");
        var reader = await command.ExecuteReaderAsync();
        Assert.Equal((0, 2, true, false, -1), (reader.Depth, reader.FieldCount, reader.HasRows, reader.IsClosed, reader.RecordsAffected));
        Assert.Equal((0, 1, 1), (reader.GetOrdinal("id"), reader.GetOrdinal("name"), reader.GetOrdinal("NAME")));
        Assert.Throws<IndexOutOfRangeException>(() => reader.GetOrdinal("x"));
        Assert.Throws<IndexOutOfRangeException>(() => reader.GetName(2));
        Assert.Throws<IndexOutOfRangeException>(() => reader.GetFieldType(-1));
        Assert.Throws<IndexOutOfRangeException>(() => reader.GetDataTypeName(2));
        Assert.Throws<InvalidOperationException>(() => reader.IsDBNull(0));
        Assert.Throws<InvalidOperationException>(() => reader.GetValues(new object[2]));
        Assert.True(reader.Read());
        var less = new object[1];
        var more = new object[3];
        Assert.Equal((1, 2, null), (reader.GetValues(less), reader.GetValues(more), more[2]));
        Assert.Equal("a", reader["name"]);
        Assert.Equal("a", reader.GetFieldValue<string>(1));
        Assert.Equal('a', reader.GetChar(1));
        Assert.True(await reader.ReadAsync());
        Assert.False(await reader.ReadAsync());
        Assert.False(reader.Read());
        Assert.True(reader.HasRows);
        Assert.Throws<InvalidOperationException>(() => reader.GetString(1));
        Assert.False(reader.NextResult());
        Assert.False(reader.Read());
        reader.Close();
        await reader.CloseAsync();
        Assert.True(reader.IsClosed);
        foreach (var use in new Func<object>[] { () => reader.Read(), () => reader.NextResult(), () => reader.FieldCount, () => reader.HasRows, () => reader.GetName(0), () => reader.GetValue(0), () => reader.GetEnumerator() })
            Assert.Throws<InvalidOperationException>(use);
        await using var records = await command.ExecuteReaderAsync();
        Assert.Equal(["a", "b"], records.Cast<IDataRecord>().Select(r => r.GetString(1)));
    }

    [Fact]
    public async Task NULL_is_DBNull_and_no_value_of_any_type()
    {
        await using var connection = Opened();
        await using var command = Command(connection, $"SELECT {Null} AS x");
        await using var reader = await command.ExecuteReaderAsync();
        Assert.True(reader.Read());
        Assert.True(reader.IsDBNull(0));
        Assert.Same(DBNull.Value, reader.GetValue(0));
        Assert.Same(DBNull.Value, reader.GetFieldValue<object>(0));
        Assert.Same(DBNull.Value, reader.GetFieldValue<DBNull>(0));
        Assert.Null(reader.GetFieldValue<int?>(0));
        Assert.Equal("", reader.GetTextReader(0).ReadToEnd());
        foreach (var read in new Func<object>[]
        {
            () => reader.GetBoolean(0), () => reader.GetByte(0), () => reader.GetInt16(0), () => reader.GetInt32(0), () => reader.GetInt64(0), () => reader.GetFloat(0), () => reader.GetDouble(0),
            () => reader.GetDecimal(0), () => reader.GetDateTime(0), () => reader.GetGuid(0), () => reader.GetChar(0), () => reader.GetString(0), () => reader.GetBytes(0, 0, null, 0, 0),
            () => reader.GetChars(0, 0, null, 0, 0), () => reader.GetStream(0), () => reader.GetFieldValue<byte[]>(0), () => reader.GetFieldValue<DateOnly>(0),
        })
            Assert.Throws<InvalidCastException>(read);
    }

    [Fact]
    public async Task Pieces_of_a_value_are_copied_within_bounds()
    {
        await using var connection = Opened();
        await using var command = Command(connection, $"SELECT CAST({(IsPostgres ? "'\\x427E5743' AS bytea" : "x'427E5743' AS blob")}) AS b, 'Zürich' AS t");
        await using var reader = await command.ExecuteReaderAsync();
        Assert.True(reader.Read());
        var buffer = new byte[6];
        Assert.Equal((4, 4, 2, 0), (reader.GetBytes(0, 0, null, 0, 4), reader.GetBytes(0, 0, buffer, 1, 5), reader.GetBytes(0, 2, buffer, 0, 6), reader.GetBytes(0, 9, buffer, 0, 6)));
        Assert.Equal([0x57, 0x43, 0x7E, 0x57, 0x43, 0], buffer);
        Assert.Throws<ArgumentOutOfRangeException>(() => reader.GetBytes(0, -1, buffer, 0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => reader.GetBytes(0, 0, buffer, 7, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => reader.GetBytes(0, 0, buffer, 0, 7));
        Assert.Throws<ArgumentOutOfRangeException>(() => reader.GetChars(1, 0, new char[1], 0, -1));
        var text = new char[6];
        Assert.Equal((6, 5, 'ü'), (reader.GetChars(1, 0, null, 0, 0), reader.GetChars(1, 1, text, 0, 6), text[0]));
        await using var stream = reader.GetFieldValue<Stream>(0);
        Assert.Equal((4, false, true), (stream.Length, stream.CanWrite, stream.CanSeek));
    }

    [Fact]
    public async Task The_provider_describes_itself()
    {
        await using var connection = Opened();
        using var all = connection.GetSchema();
        Assert.Equal(["MetaDataCollections", "DataSourceInformation", "DataTypes", "Restrictions", "ReservedWords"], all.Rows.Cast<DataRow>().Select(r => r["CollectionName"]));
        foreach (DataRow collection in all.Rows)
        {
            using var table = await connection.GetSchemaAsync((string)collection["CollectionName"]);
            Assert.Equal(collection["CollectionName"], table.TableName);
            Assert.True(table.Rows.Count > 0 || table.TableName == "Restrictions");
        }
        using var source = connection.GetSchema("datasourceinformation");
        Assert.Equal(("Halo", "{0}", connection.ServerVersion), (source.Rows[0]["DataSourceProductName"], source.Rows[0]["ParameterMarkerFormat"], source.Rows[0]["DataSourceProductVersion"]));
        using var types = connection.GetSchema("DataTypes");
        Assert.All(types.Rows.Cast<DataRow>(), row => Assert.NotNull(Type.GetType((string)row["DataType"])));
        Assert.Contains("words of the practice's database", Assert.Throws<ArgumentException>(() => connection.GetSchema("Tables")).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => connection.GetSchema("DataTypes", ["x"]));
    }

    [Fact]
    public async Task A_data_source_makes_commands_that_open_and_close_by_themselves()
    {
        await using DbDataSource source = new HaloDbDataSource(ConnectionString);
        await using var command = source.CreateCommand("SELECT 7");
        Assert.Equal(7, Convert.ToInt32(await command.ExecuteScalarAsync()));
        await using var connection = await source.OpenConnectionAsync();
        Assert.Equal(ConnectionState.Open, connection.State);
        await using var wrong = new HaloDbConnection(ConnectionString + "x");
        var error = await Assert.ThrowsAsync<HaloDbException>(() => wrong.OpenAsync());
        Assert.Equal(("NotFound", Contracts.Queries.Executed.No, ConnectionState.Closed), (error.Code, error.Executed, wrong.State));
        await using var elsewhere = new HaloDbConnection(ConnectionString + ";Catalogue=nowhere");
        await elsewhere.OpenAsync();
        await using var asked = Command(elsewhere, "SELECT 1");
        Assert.Contains("catalogue", (await Assert.ThrowsAsync<HaloDbException>(() => asked.ExecuteScalarAsync())).Message, StringComparison.Ordinal);
    }
}

public sealed class SqliteSpecificationTests(SqlitePractice practice) : SpecificationTests(practice), IClassFixture<SqlitePractice>;

public sealed class PostgresSpecificationTests(PostgresPractice practice) : SpecificationTests(practice), IClassFixture<PostgresPractice>;

using System.Data;
using System.Data.SqlTypes;
using Halo.Testing.Tds;
using Microsoft.Data.SqlClient;
using Microsoft.Data.SqlClient.Server;

namespace Halo.Link.Tests.Tds;

/// <summary>The tests' own server before a bare SqlClient, without the Link: what other tests rest on.</summary>
public sealed class TdsServerTests
{
    static readonly (TdsColumn Column, object Sent, object Read)[] Values =
    [
        (TdsColumn.Of("tinyint", TdsType.IntN, 1), 255, (byte)255),
        (TdsColumn.Of("smallint", TdsType.IntN, 2), -2, (short)-2),
        (TdsColumn.Int("int"), 7, 7),
        (TdsColumn.BigInt("bigint"), long.MinValue, long.MinValue),
        (TdsColumn.Of("bit", TdsType.BitN), true, true),
        (TdsColumn.Of("real", TdsType.FloatN, 4), 1.5f, 1.5f),
        (TdsColumn.Of("float", TdsType.FloatN, 8), -0.1, -0.1),
        (TdsColumn.Of("money", TdsType.MoneyN, 8), -1234567890.1234m, -1234567890.1234m),
        (TdsColumn.Of("smallmoney", TdsType.MoneyN, 4), 12.5m, 12.5m),
        (TdsColumn.Decimal("decimal", 38, 4), SqlDecimal.Parse("-1234.5678"), -1234.5678m),
        (TdsColumn.Of("guid", TdsType.Guid, 16), Guid.AllBitsSet, Guid.AllBitsSet),
        (TdsColumn.Of("date", TdsType.Date), new DateTime(1, 2, 3), new DateTime(1, 2, 3)),
        (TdsColumn.Of("time", TdsType.Time, scale: 7), new TimeSpan(0, 23, 59, 59, 999), new TimeSpan(0, 23, 59, 59, 999)),
        (TdsColumn.Of("datetime2", TdsType.DateTime2, scale: 3), new DateTime(2026, 11, 28, 1, 2, 3, 4), new DateTime(2026, 11, 28, 1, 2, 3, 4)),
        (TdsColumn.Of("datetimeoffset", TdsType.DateTimeOffset, scale: 0), new DateTimeOffset(2026, 1, 1, 0, 30, 0, TimeSpan.FromHours(10)), new DateTimeOffset(2026, 1, 1, 0, 30, 0, TimeSpan.FromHours(10))),
        (TdsColumn.Of("datetime", TdsType.DateTimeN, 8), new DateTime(1753, 1, 1, 0, 0, 1), new DateTime(1753, 1, 1, 0, 0, 1)),
        (TdsColumn.Of("smalldatetime", TdsType.DateTimeN, 4), new DateTime(2079, 6, 6, 23, 59, 0), new DateTime(2079, 6, 6, 23, 59, 0)),
        (TdsColumn.VarChar("varchar"), "Café", "Café"),
        (TdsColumn.NVarChar("nvarchar"), "Zoë 😀", "Zoë 😀"),
        (TdsColumn.NVarCharMax("nvarchar(max)"), new string('ж', 9000), new string('ж', 9000)),
        (TdsColumn.VarCharMax("varchar(max)"), new string('x', 8191), new string('x', 8191)),
        (TdsColumn.Xml("xml"), "<a>ü</a>", "<a>ü</a>"),
        (TdsColumn.Of("text", TdsType.Text), "old", "old"),
        (TdsColumn.Of("ntext", TdsType.NText), "older", "older"),
        (TdsColumn.Of("variant", TdsType.Variant), (new TdsTypeInfo(TdsType.IntN, 4), (object)5), 5),
    ];

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(509)]
    [InlineData(7992)]
    public async Task Every_type_arrives_whatever_the_packets_cut(int packetBytes)
    {
        await using var server = new TdsServer((_, answer) =>
        {
            answer.Columns([.. Values.Select(v => v.Column)]);
            answer.Row([.. Values.Select(v => v.Sent)]);
            answer.RowWithNulls([.. Values.Select((v, i) => i % 2 == 0 ? null : v.Sent)]);
            answer.Row(new object?[Values.Length]);
            answer.Done(TdsCommand.Select, 3);
            return Task.CompletedTask;
        }, new() { PacketBytes = () => packetBytes });
        await using var connection = await OpenAsync(server);
        using var command = new SqlCommand("SELECT everything", connection);
        // Long text by its reader: GetValue and GetChars of this driver go wrong where packets cut a chunk's length.
        using var reader = command.ExecuteReader(CommandBehavior.SequentialAccess);
        foreach (var isNull in (Func<int, bool>[])[_ => false, i => i % 2 == 0, _ => true])
        {
            Assert.True(reader.Read());
            for (var i = 0; i < Values.Length; i++)
                Assert.Equal((Values[i].Column.Name, isNull(i) ? DBNull.Value : Values[i].Read), (reader.GetName(i), Value(reader, i)));
        }
        Assert.False(reader.Read());
    }

    [Fact]
    public async Task Every_parameter_arrives_decoded()
    {
        await using var server = new TdsServer((_, _) => Task.CompletedTask);
        await using var connection = await OpenAsync(server);
        using var command = new SqlCommand("SELECT @p0", connection);
        (SqlDbType Type, object Value, object Arrives)[] given =
        [
            (SqlDbType.TinyInt, (byte)1, (byte)1), (SqlDbType.SmallInt, (short)-1, (short)-1), (SqlDbType.Int, 2, 2), (SqlDbType.BigInt, 3L, 3L),
            (SqlDbType.Bit, true, true), (SqlDbType.Real, 1.5f, 1.5f), (SqlDbType.Float, 2.5, 2.5), (SqlDbType.Money, -1.5m, -1.5m), (SqlDbType.SmallMoney, 2.25m, 2.25m),
            (SqlDbType.Decimal, 12.34m, new SqlDecimal(12.34m)), (SqlDbType.UniqueIdentifier, Guid.AllBitsSet, Guid.AllBitsSet),
            (SqlDbType.Date, new DateTime(2026, 1, 2), new DateTime(2026, 1, 2)), (SqlDbType.DateTime, new DateTime(2026, 1, 2, 3, 4, 5), new DateTime(2026, 1, 2, 3, 4, 5)),
            (SqlDbType.SmallDateTime, new DateTime(2026, 1, 2, 3, 4, 0), new DateTime(2026, 1, 2, 3, 4, 0)), (SqlDbType.DateTime2, new DateTime(2, 1, 2), new DateTime(2, 1, 2)),
            (SqlDbType.Time, new TimeSpan(1, 2, 3), new TimeSpan(1, 2, 3)), (SqlDbType.DateTimeOffset, DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch),
            (SqlDbType.VarChar, "a", "a"), (SqlDbType.NVarChar, "ж", "ж"), (SqlDbType.NChar, "n", "n"), (SqlDbType.Text, "t", "t"), (SqlDbType.NText, "nt", "nt"),
            (SqlDbType.VarBinary, new byte[] { 1, 2 }, new byte[] { 1, 2 }), (SqlDbType.Image, new byte[] { 3 }, new byte[] { 3 }),
            (SqlDbType.Variant, 9, 9), (SqlDbType.NVarChar, DBNull.Value, null!),
        ];
        for (var i = 0; i < given.Length; i++)
            command.Parameters.Add(new($"@p{i}", given[i].Type) { Value = given[i].Value });
        var table = new SqlDataRecord(new SqlMetaData("id", SqlDbType.Int), new SqlMetaData("name", SqlDbType.NVarChar, 20));
        table.SetValues(1, "one");
        command.Parameters.Add(new("@table", SqlDbType.Structured) { TypeName = "dbo.ids", Value = (SqlDataRecord[])[table] });
        command.ExecuteNonQuery();
        var request = server.Requests.Single(r => r.Text == "SELECT @p0");
        Assert.Equal("sp_executesql", request.Procedure);
        Assert.Equal(given.Select(g => g.Arrives), request.Parameters.SkipLast(1).Select(p => p.Value is SqlDecimal d ? new SqlDecimal(d.Value) : p.Value));
        Assert.Equal([1, "one"], Assert.Single((List<object?[]>)request.Parameters[^1].Value!));
        Assert.Equal("dbo.ids", request.Parameters[^1].Type.Name);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_procedure_gives_outputs_result_sets_and_its_status_with_and_without_TLS(bool tls)
    {
        await using var server = new TdsServer((_, answer) =>
        {
            answer.Columns(TdsColumn.Int("a"));
            answer.Row(1);
            answer.Done(TdsCommand.Select, 1);
            answer.Done(TdsCommand.Update, 4);
            answer.Columns(TdsColumn.NVarChar("b"));
            answer.Done(TdsCommand.Select, 0);
            answer.Output("@fee", new(TdsType.NumericN, 17, 10, 2), 1.25m);
            answer.Status = 7;
            return Task.CompletedTask;
        }, new() { Tls = tls });
        await using var connection = await OpenAsync(server);
        using var command = new SqlCommand("halo_book", connection) { CommandType = CommandType.StoredProcedure };
        command.Parameters.Add(new("@fee", SqlDbType.Decimal) { Direction = ParameterDirection.Output, Precision = 10, Scale = 2 });
        command.Parameters.Add(new("@status", SqlDbType.Int) { Direction = ParameterDirection.ReturnValue });
        using (var reader = command.ExecuteReader())
        {
            Assert.True(reader.Read());
            Assert.True(reader.NextResult());
            Assert.False(reader.Read());
            Assert.False(reader.NextResult());
            Assert.Equal(4, reader.RecordsAffected);
        }
        Assert.Equal((1.25m, 7), (command.Parameters[0].Value, command.Parameters[1].Value));
        Assert.Equal(("halo_book", true), (server.Requests[^1].Procedure, server.Requests[^1].Parameters[0].IsOutput));
    }

    [Theory]
    [InlineData(18456, 14, "Login failed for user 'halo'.")]
    [InlineData(4060, 11, "Cannot open database \"clinic\" requested by the login. The login failed.")]
    public async Task A_refused_login_says_why(int number, byte severity, string words)
    {
        await using var server = new TdsServer((_, _) => Task.CompletedTask, new() { Refuse = _ => (number, severity, words) });
        var e = await Assert.ThrowsAsync<SqlException>(() => OpenAsync(server));
        Assert.Equal((number, severity, words), (e.Errors[0].Number, e.Errors[0].Class, e.Errors[0].Message));
    }

    [Fact]
    public async Task A_pooled_connection_is_reset_before_its_next_use()
    {
        await using var server = new TdsServer((_, _) => Task.CompletedTask);
        for (var i = 0; i < 3; i++)
        {
            await using var connection = await OpenAsync(server, pooling: true);
            using var command = new SqlCommand("UPDATE t", connection);
            command.ExecuteNonQuery();
        }
        Assert.Equal([false, true, true], server.Requests.Select(r => r.Resets));
        Assert.Equal((1, 2), (server.Logins, server.Requests[^1].Session.Resets));
    }

    [Fact]
    public async Task Messages_and_errors_keep_their_numbers_severities_and_order()
    {
        await using var server = new TdsServer((_, answer) =>
        {
            answer.Info(5703, "Changed language.");
            answer.Error(2627, "Violation.", 14, "trigger_t", 3);
            answer.Info(3621, "The statement has been terminated.");
            return Task.CompletedTask;
        });
        await using var connection = await OpenAsync(server);
        using var command = new SqlCommand("INSERT t", connection);
        var e = Assert.Throws<SqlException>(() => command.ExecuteNonQuery());
        Assert.Equal((2627, 14, "trigger_t", 3), (e.Errors[0].Number, e.Errors[0].Class, e.Errors[0].Procedure, e.Errors[0].LineNumber));
        Assert.Equal(ConnectionState.Open, connection.State);
    }

    [Fact]
    public async Task A_transactions_effects_count_with_its_commit_alone()
    {
        await using var server = new TdsServer((request, answer) =>
        {
            answer.Begin();
            answer.Effect("booking");
            answer.Done(TdsCommand.Insert, 1);
            if (request.Text == "commit")
                answer.Commit();
            else
                answer.RollBack();
            return Task.CompletedTask;
        });
        await using var connection = await OpenAsync(server);
        foreach (var text in (string[])["rollback", "commit", "commit"])
        {
            using var command = new SqlCommand(text, connection);
            command.ExecuteNonQuery();
        }
        Assert.Equal(2, server.Effects("booking"));
    }

    [Fact]
    public async Task A_connection_dropped_at_any_byte_is_lost_and_never_a_whole_answer()
    {
        const int WholeAnswer = 14 + 6 + 13;
        var at = 0;
        await using var server = new TdsServer((_, answer) =>
        {
            answer.DropAfter(at);
            answer.Columns(TdsColumn.Int("a"));
            answer.Row(1);
            answer.Done(TdsCommand.Select, 1);
            return Task.CompletedTask;
        });
        for (at = 1; at < WholeAnswer; at++)
        {
            await using var connection = await OpenAsync(server);
            using var command = new SqlCommand("SELECT a", connection);
            Assert.ThrowsAny<Exception>(() => Read(command));
        }
    }

    static async Task<SqlConnection> OpenAsync(TdsServer server, bool pooling = false)
    {
        var connection = new SqlConnection($"{server.ConnectionString};Pooling={pooling};ConnectRetryCount=0");
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        return connection;
    }

    static object Value(SqlDataReader reader, int column)
    {
        if (reader.IsDBNull(column) || !Values[column].Column.Type.IsChunked)
            return reader.GetValue(column);
        if (Values[column].Column.Type.Type == TdsType.Xml)
        {
            using var xml = reader.GetXmlReader(column);
            xml.MoveToContent();
            return xml.ReadOuterXml();
        }
        using var text = reader.GetTextReader(column);
        return text.ReadToEnd();
    }

    static void Read(SqlCommand command)
    {
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
        }
        while (reader.NextResult())
        {
        }
    }
}

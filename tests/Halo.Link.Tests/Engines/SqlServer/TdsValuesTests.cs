using System.Buffers;
using System.Data.SqlTypes;
using System.Text.Json;
using Halo.Contracts.Queries;
using Halo.Link.Rows;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Halo.Testing.Tds;

namespace Halo.Link.Tests.Engines.SqlServer;

/// <summary>Values of every type as the contract shows them, whatever the packets cut.</summary>
public sealed class TdsValuesTests
{
    static readonly (TdsColumn Column, object Sent, string Json)[] Values =
    [
        (TdsColumn.Of("tinyint", TdsType.IntN, 1), 255, "255"),
        (TdsColumn.BigInt("bigint"), long.MinValue, "-9223372036854775808"),
        (TdsColumn.Of("bit", TdsType.BitN), true, "true"),
        (TdsColumn.Of("real", TdsType.FloatN, 4), 0.1f, "0.1"),
        (TdsColumn.Of("float", TdsType.FloatN, 8), 0.1, "0.1"),
        (TdsColumn.Of("money", TdsType.MoneyN, 8), -922337203685477.5808m, "-922337203685477.5808"),
        (TdsColumn.Decimal("decimal", 38, 3), SqlDecimal.Parse("99999999999999999999999999999999999.999"), "99999999999999999999999999999999999.999"),
        (TdsColumn.Of("date", TdsType.Date), new DateTime(1, 1, 1), "\"0001-01-01\""),
        (TdsColumn.Of("time", TdsType.Time, scale: 7), new TimeSpan(0, 14, 30, 0, 123), "\"14:30:00.1230000\""),
        (TdsColumn.Of("datetime2", TdsType.DateTime2, scale: 7), new DateTime(9999, 12, 31), "\"9999-12-31T00:00:00\""),
        (TdsColumn.Of("datetimeoffset", TdsType.DateTimeOffset, scale: 0), new DateTimeOffset(2026, 3, 5, 14, 30, 0, TimeSpan.FromHours(-3.5)), "\"2026-03-05T14:30:00-03:30\""),
        (TdsColumn.VarChar("varchar"), "Café", "\"Café\""),
        (TdsColumn.Of("image", TdsType.Image), new byte[] { 0xDE, 0xAD }, "\"3q0=\""),
        (TdsColumn.RowVersion("rowversion"), new byte[] { 0, 0, 0, 0, 0, 0, 7, 209 }, "\"AAAAAAAAB9E=\""),
        (TdsColumn.Of("variant", TdsType.Variant), (new TdsTypeInfo(TdsType.NumericN, 17, 5, 2), (object)1.5m), "1.50"),
        // The driver tells it as datetime2; docs/values.md says why that stays.
        (TdsColumn.Of("date in variant", TdsType.Variant), (new TdsTypeInfo(TdsType.Date), (object)new DateTime(2026, 3, 5)), "\"2026-03-05T00:00:00\""),
        (TdsColumn.Of("midnight in variant", TdsType.Variant), (new TdsTypeInfo(TdsType.DateTime2, Scale: 7), (object)new DateTime(2026, 3, 5)), "\"2026-03-05T00:00:00\""),
        (TdsColumn.Of("datetime in variant", TdsType.Variant), (new TdsTypeInfo(TdsType.DateTimeN, 8), (object)new DateTime(2026, 3, 5)), "\"2026-03-05T00:00:00\""),
        (TdsColumn.Of("time in variant", TdsType.Variant), (new TdsTypeInfo(TdsType.Time, Scale: 0), (object)new TimeSpan(14, 30, 0)), "\"14:30:00\""),
        (TdsColumn.Of("text in variant", TdsType.Variant), (new TdsTypeInfo(TdsType.NVarChar, 20), (object)"Zoë"), "\"Zoë\""),
        (new("hierarchyid", new(TdsType.Udt, TdsTypeInfo.Max, Name: "hierarchyid")), new byte[] { 0x58 }, "\"WA==\""),
        (TdsColumn.Xml("xml"), "<a b=\"1\">ü<c/>&lt;\n</a>", "\"<a b=\\\"1\\\">ü<c />&lt;\\n</a>\""),
    ];

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(509)]
    [InlineData(7992)]
    public async Task Every_type_has_its_form_whatever_the_packets_cut(int packetBytes)
    {
        await using var bench = new TdsBench((_, answer) =>
        {
            answer.Columns([.. Values.Select(v => v.Column)]);
            answer.Row([.. Values.Select(v => v.Sent)]);
            answer.RowWithNulls(new object?[Values.Length]);
            answer.Done(TdsCommand.Select, 2);
            return Task.CompletedTask;
        }, new() { PacketBytes = () => packetBytes });
        using var rows = JsonDocument.Parse(await bench.Engine.RowsAsync("SELECT everything"));
        var (row, nulls) = (rows.RootElement[0], rows.RootElement[1]);
        foreach (var (column, _, json) in Values)
        {
            using var expected = JsonDocument.Parse(json);
            Assert.True(JsonElement.DeepEquals(expected.RootElement, row.GetProperty(column.Name)), $"{column.Name}: {row.GetProperty(column.Name).GetRawText()}");
            Assert.Equal(JsonValueKind.Null, nulls.GetProperty(column.Name).ValueKind);
        }
    }

    [Theory]
    [InlineData(16_383, 4088)]
    [InlineData(16_384, 1021)]
    [InlineData(16_385, 4088)]
    [InlineData(500_001, 7992)]
    public async Task Long_values_come_whole_at_every_edge_of_a_piece(int length, int packetBytes)
    {
        // Characters of two units, one unit off the pieces.
        var text = "x" + string.Concat(Enumerable.Repeat("😀", length / 2));
        var xml = $"<a>{new string('ж', length)}</a>";
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        await using var bench = new TdsBench((_, answer) =>
        {
            answer.Columns(TdsColumn.NVarCharMax("text"), TdsColumn.VarCharMax("plain"), TdsColumn.Xml("xml"), TdsColumn.VarBinaryMax("bytes"), TdsColumn.Of("old", TdsType.NText), TdsColumn.Int("after"));
            answer.Row(text, new string('é', length), xml, bytes, text, 7);
            answer.Done(TdsCommand.Select, 1);
            return Task.CompletedTask;
        }, new() { PacketBytes = () => packetBytes });
        using var rows = JsonDocument.Parse(await bench.Engine.RowsAsync("SELECT long"));
        var row = rows.RootElement[0];
        Assert.True(row.GetProperty("text").ValueEquals(text));
        Assert.True(row.GetProperty("plain").ValueEquals(new string('é', length)));
        Assert.True(row.GetProperty("xml").ValueEquals(xml));
        Assert.Equal(bytes, row.GetProperty("bytes").GetBytesFromBase64());
        Assert.True(row.GetProperty("old").ValueEquals(text));
        Assert.Equal(7, row.GetProperty("after").GetInt32());
    }

    /// <summary>So reading takes as long as the value is, and no longer: where it was read whole first, xml cost the square of its length.</summary>
    [Theory]
    [InlineData(TdsType.Xml, 0.5)]
    [InlineData(TdsType.NVarChar, 0.5)]
    [InlineData(TdsType.NText, 0.5)]
    [InlineData(TdsType.VarBinary, 4 / 3.0)]
    public async Task What_has_come_of_a_long_value_goes_on_before_its_rest_is_there(TdsType type, double jsonOfAByte)
    {
        const int steps = 5, step = 400_000, held = 300_000;
        var sink = new CountingSink();
        await using var bench = new TdsBench(async (_, answer) =>
        {
            answer.Columns(type == TdsType.NText ? TdsColumn.Of("long", type) : new TdsColumn("long", new(type, TdsTypeInfo.Max)));
            answer.Row(type == TdsType.VarBinary ? new byte[steps * step + step] : $"<a>{new string('x', (steps + 1) * step / 2)}</a>");
            for (var sent = step; sent <= steps * step; sent += step)
            {
                await answer.FlushPartAsync(step);
                await Eventually.BecomesAsync(() => Task.FromResult(sink.Written), written => written >= (sent - held) * jsonOfAByte);
            }
        });
        var result = await bench.Engine.RunAsync(new QueryCommand("SELECT long FROM a"), sink);
        Assert.Equal((Ending.Successful, 1), (result.Ending, result.Rows));
    }

    [Fact]
    public async Task A_procedure_gives_result_sets_outputs_and_its_return_value()
    {
        await using var bench = new TdsBench((_, answer) =>
        {
            answer.Columns(TdsColumn.Int("a"));
            answer.Row(1);
            answer.Done(TdsCommand.Select, 1);
            answer.Columns(TdsColumn.Int("b"));
            answer.Row(2);
            answer.Done(TdsCommand.Select, 1);
            answer.Output("@fee", new(TdsType.NumericN, 17, 10, 2), 3.30m);
            answer.Status = 7;
            return Task.CompletedTask;
        });
        var sink = new CollectingSink();
        var result = await bench.Engine.RunAsync(new QueryCommand("halo_book")
        {
            Type = CommandType.StoredProcedure,
            Parameters =
            [
                EngineBench.Parameter("@id", "3", SqlType.Int),
                SqlServerBench.Output("@fee", SqlType.Decimal) with { Precision = 10, Scale = 2 },
                new("@result") { Direction = ParameterDirection.ReturnValue, Type = SqlType.Int },
            ],
        }, sink, resultSet: 2);
        Assert.Equal((Ending.Successful, """[{"b":2}]""", 2), (result.Ending, sink.Json, result.ResultSets));
        Assert.Equal(["3.30", "7"], result.Parameters!.Select(p => p.Value));
        var call = Assert.Single(bench.Server.Scripted);
        Assert.Equal([("@id", 3, false), ("@fee", null, true)], call.Parameters.Select(p => (p.Name, p.Value, p.IsOutput)));
    }

    [Fact]
    public async Task Columns_of_the_max_types_have_no_size()
    {
        await using var bench = new TdsBench((_, answer) =>
        {
            answer.Columns(TdsColumn.NVarCharMax("long"), TdsColumn.NVarChar("short", 20), TdsColumn.VarCharMax("plain"), TdsColumn.VarBinaryMax("bytes"), TdsColumn.Xml("xml"));
            answer.Done(TdsCommand.Select, 0);
            return Task.CompletedTask;
        });
        var sink = new CollectingSink();
        await bench.Engine.RunAsync("SELECT columns", sink);
        Assert.Equal([null, 20, null, null, null], sink.Columns!.Select(c => c.Size));
    }

    /// <summary>Counts what it is given as it comes: its buffers are small.</summary>
    sealed class CountingSink : IRowSink, IBufferWriter<byte>
    {
        const int Least = 1024;

        byte[] _buffer = new byte[Least];

        public int Written { get; private set; }

        public IBufferWriter<byte> Buffer => this;

        public void Advance(int count) => Written += count;

        public Memory<byte> GetMemory(int sizeHint = 0) => (_buffer.Length < sizeHint ? _buffer = new byte[sizeHint] : _buffer).AsMemory(0, Math.Max(sizeHint, Least));

        public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

        public ValueTask BeginAsync(IReadOnlyList<ResultColumn> columns, CancellationToken stop) => ValueTask.CompletedTask;

        public void BeginRow()
        {
        }

        public ValueTask<bool> EndRowAsync(CancellationToken stop) => ValueTask.FromResult(true);

        public ValueTask EndAsync(CancellationToken stop) => ValueTask.CompletedTask;
    }
}

using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Halo.Contracts.Queries;
using Halo.Link.Rows;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Tests.Engines.Running;

/// <summary>Values of any length: whole and right at the end, and in pieces on the way.</summary>
public sealed class LongValuesTests(SharedPostgres postgres)
{
    /// <summary>Around the buffers' sizes, and one after which every character straddles some piece.</summary>
    static readonly int[] Lengths = [0, 1, 255, 256, 257, 4095, 4096, 4097, 16_383, 16_384, 16_385, 16_640, 32_768, 32_769, 100_003];

    [Fact]
    public async Task Text_of_any_length_comes_whole()
    {
        await using var bench = await postgres.NewAsync();
        using var file = new SqliteFile();
        await using var sqlite = file.Open();
        foreach (var length in Lengths)
        {
            foreach (var shift in (string[])["", "x", "xy", "xyz"])
            {
                var text = shift + Repeat("é漢😀\"\\\n\u0001", length);
                foreach (var engine in (EngineBench[])[bench, sqlite])
                {
                    using var value = JsonDocument.Parse(await engine.ValueAsync("SELECT @p AS v", EngineBench.Parameter("@p", text, SqlType.NVarChar)));
                    Assert.True(text == value.RootElement.GetString(), $"{engine.Engine.Name} {length} {shift.Length}");
                }
            }
        }
    }

    [Fact]
    public async Task Binary_of_any_length_comes_whole_in_both_of_PostgreSQLs_forms()
    {
        await using var bench = await postgres.NewAsync();
        using var file = new SqliteFile();
        await using var sqlite = file.Open();
        foreach (var length in Lengths)
        {
            var bytes = new byte[length];
            for (var i = 0; i < length; i++)
                bytes[i] = (byte)(i * 7 + i / 251);
            var parameter = EngineBench.Parameter("@p", Convert.ToBase64String(bytes), SqlType.VarBinary);
            foreach (var (engine, sql) in ((EngineBench, string)[])[(bench, "SELECT @p AS v"), (sqlite, "SELECT @p AS v")])
                Assert.Equal($"\"{Convert.ToBase64String(bytes)}\"", await engine.ValueAsync(sql, parameter));
            await bench.DoAsync("CREATE TABLE IF NOT EXISTS b (v bytea); DELETE FROM b");
            await bench.RowsAsync("INSERT INTO b VALUES (@p) RETURNING 1", parameter);
            Assert.Equal($"\"{Convert.ToBase64String(bytes)}\"", await bench.ValueAsync("SET bytea_output = escape; SELECT v FROM b"));
        }
    }

    [Fact]
    public async Task A_number_with_more_digits_than_a_piece_keeps_them_all()
    {
        await using var bench = await postgres.NewAsync();
        Assert.Equal(new string('7', 100_000) + "." + new string('3', 16_000),
            await bench.ValueAsync("SELECT (repeat('7', 100000) || '.' || repeat('3', 16000))::numeric AS v"));
    }

    [Theory]
    [InlineData("SELECT 1 AS a, repeat('é', 50 * 1024 * 1024) AS v, 2 AS b, 'end' AS c")]
    [InlineData("SELECT 1 AS a, decode(repeat('00', 50 * 1024 * 1024), 'hex') AS v, 2 AS b, 'end' AS c")]
    public async Task A_value_of_a_hundred_megabytes_is_never_held(string sql)
    {
        await using var bench = await postgres.NewAsync();
        using var sink = new MeasuringSink();
        var result = await bench.RunAsync(new QueryCommand(sql), sink, limit: TimeSpan.FromMinutes(5));
        Assert.Equal((Ending.Successful, 1L), (result.Ending, result.Rows));
        Assert.EndsWith("\"b\":2,\"c\":\"end\"}", sink.End, StringComparison.Ordinal);
        Assert.True(sink.Bytes > 66_000_000, $"{sink.Bytes} bytes");
        Assert.True(sink.LargestBuffer < 200_000, $"a buffer of {sink.LargestBuffer} bytes was asked for");
    }

    [Fact]
    public async Task A_value_of_SQLite_goes_on_in_pieces()
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        foreach (var value in (string[])["zeroblob(30000000)", "replace(hex(zeroblob(10000000)), '00', 'é')"])
        {
            using var sink = new MeasuringSink();
            Assert.Equal(Ending.Successful, (await bench.RunAsync($"SELECT {value} AS v, 'end' AS c", sink)).Ending);
            Assert.EndsWith("\"c\":\"end\"}", sink.End, StringComparison.Ordinal);
            Assert.True(sink.LargestBuffer < 200_000, $"a buffer of {sink.LargestBuffer} bytes was asked for");
        }
    }

    [Fact]
    public async Task A_thousand_columns_keep_their_names_and_values()
    {
        await using var bench = await postgres.NewAsync();
        using var file = new SqliteFile();
        await using var sqlite = file.Open();
        var sql = "SELECT " + string.Join(", ", Enumerable.Range(1, 1000).Select(i => string.Create(CultureInfo.InvariantCulture, $"'{new string('x', i)}' AS c{i}")));
        foreach (var engine in (EngineBench[])[bench, sqlite])
        {
            using var rows = JsonDocument.Parse(await engine.RowsAsync(sql));
            var row = rows.RootElement[0].EnumerateObject().Select(p => (p.Name, p.Value.GetString()!.Length)).ToList();
            Assert.Equal(Enumerable.Range(1, 1000).Select(i => ($"c{i}", i)), row);
        }
    }

    [Fact]
    public async Task Rows_without_columns_are_rows()
    {
        await using var bench = await postgres.NewAsync();
        Assert.Equal("[{}]", await bench.RowsAsync("SELECT"));
        Assert.Equal("[{},{},{}]", await bench.RowsAsync("SELECT FROM generate_series(1, 3)"));
        Assert.Equal("[]", await bench.RowsAsync("SELECT WHERE false"));
        var sink = new CollectingSink();
        var result = await bench.RunAsync(new QueryCommand("SELECT; SELECT 1 AS a"), sink, resultSet: 2);
        Assert.Equal((2, """[{"a":1}]"""), (result.ResultSets, sink.Json));
    }

    [Fact]
    public async Task Text_of_every_plane_and_what_is_no_text_at_all()
    {
        await using var bench = await postgres.NewAsync();
        using var file = new SqliteFile();
        await using var sqlite = file.Open();
        var planes = string.Concat(Enumerable.Range(0, 17).Select(p => char.ConvertFromUtf32(p * 0x10000 + 0xFFFD)));
        foreach (var engine in (EngineBench[])[bench, sqlite])
        {
            using var value = JsonDocument.Parse(await engine.ValueAsync("SELECT @p AS v", EngineBench.Parameter("@p", planes, SqlType.NVarChar)));
            Assert.Equal(planes, value.RootElement.GetString());
        }
        // Halves of pairs and cut sequences, in the middle of a long text: SQLite alone keeps such.
        using var damaged = JsonDocument.Parse(await sqlite.ValueAsync("SELECT replace(hex(zeroblob(9000)), '0', 'a') || CAST(x'eda080f09f98' AS TEXT) || replace(hex(zeroblob(9000)), '0', 'b') AS v"));
        var text = damaged.RootElement.GetString()!;
        Assert.Equal(new string('a', 18_000), text[..18_000]);
        Assert.Equal(new string('b', 18_000), text[^18_000..]);
        Assert.All(text[18_000..^18_000], c => Assert.Equal('\uFFFD', c));
    }

    static string Repeat(string pattern, int length)
    {
        var text = new StringBuilder(length + pattern.Length);
        while (text.Length < length)
            text.Append(pattern);
        return text.ToString();
    }

    /// <summary>Keeps the end of what is written and the size of the largest buffer that was asked for.</summary>
    sealed class MeasuringSink : IRowSink, IBufferWriter<byte>, IDisposable
    {
        byte[] _buffer = ArrayPool<byte>.Shared.Rent(1024);

        public long Bytes { get; private set; }

        public int LargestBuffer { get; private set; }

        public string End { get; private set; } = "";

        public IBufferWriter<byte> Buffer => this;

        public ValueTask BeginAsync(IReadOnlyList<ResultColumn> columns, CancellationToken stop) => ValueTask.CompletedTask;

        public void BeginRow()
        {
        }

        public ValueTask<bool> EndRowAsync(CancellationToken stop) => ValueTask.FromResult(true);

        public ValueTask EndAsync(CancellationToken stop) => ValueTask.CompletedTask;

        public void Advance(int count)
        {
            Bytes += count;
            var end = End + Encoding.UTF8.GetString(_buffer.AsSpan(Math.Max(0, count - 64), Math.Min(64, count)));
            End = end.Length > 64 ? end[^64..] : end;
        }

        public Memory<byte> GetMemory(int sizeHint = 0)
        {
            LargestBuffer = Math.Max(LargestBuffer, sizeHint);
            if (_buffer.Length < sizeHint)
            {
                ArrayPool<byte>.Shared.Return(_buffer);
                _buffer = ArrayPool<byte>.Shared.Rent(sizeHint);
            }
            return _buffer;
        }

        public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

        public void Dispose() => ArrayPool<byte>.Shared.Return(_buffer);
    }
}

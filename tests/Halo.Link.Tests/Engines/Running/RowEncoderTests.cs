using System.Buffers;
using Halo.Contracts.Queries;
using Halo.Link.Engines.Running;
using Halo.Link.Rows;

namespace Halo.Link.Tests.Engines.Running;

public sealed class RowEncoderTests(SharedPostgres postgres)
{
    const int Rows = 20_000;

    [Fact]
    public async Task A_row_of_PostgreSQL_costs_no_allocation()
    {
        await using var bench = await postgres.NewAsync();
        await AssertNoAllocationPerRowAsync(bench, """
            SELECT i AS i, i::bigint * 1000003 AS b, date '2020-01-01' + i % 5000 AS d, timestamp '2020-01-01' + i * interval '1.5 s' AS t,
                timestamptz '2020-01-01 00:00+00' + i * interval '1 s' AS z, md5(i::text)::uuid AS g, i % 2 = 0 AS o, i * 1.37 AS n, i / 7.0::float8 AS f,
                'Name "' || i AS s, NULL::int AS nothing
            FROM generate_series(1, {0}) i
            """);
    }

    [Fact]
    public async Task A_row_of_SQLite_costs_no_allocation()
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        await AssertNoAllocationPerRowAsync(bench, """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {0})
            SELECT i, i / 7.0 AS f, 'Name "' || i AS s, x'00ff' AS b, NULL AS none FROM n
            """);
    }

    [Fact]
    public async Task One_object_for_each_row_would_be_noticed()
    {
        using var file = new SqliteFile();
        await using var bench = file.Open();
        Assert.InRange(await MeasureAsync(bench, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {0}) SELECT i FROM n", new RowMeter { Wasteful = true }), 24.0 * Rows, double.MaxValue);
    }

    static async Task AssertNoAllocationPerRowAsync(EngineBench bench, string sql)
    {
        // Once before: buffers grow to their size, and code is compiled.
        await MeasureAsync(bench, sql, new RowMeter());
        var allocated = await MeasureAsync(bench, sql, new RowMeter());
        // The smallest object has 24 bytes.
        Assert.True(allocated < Rows, $"{allocated / (double)Rows} bytes per row");
    }

    /// <summary>Bytes that encoding the rows allocated. What the driver allocates when it reads, more where it has to wait for the server, is not in it.</summary>
    static async Task<long> MeasureAsync(EngineBench bench, string sql, RowMeter meter)
    {
        await using var connection = await bench.Engine.OpenAsync(null, null, TestContext.Current.CancellationToken);
        await using var command = bench.Engine.CreateCommand(connection, new QueryCommand(sql.Replace("{0}", $"{Rows}", StringComparison.Ordinal)), []);
#pragma warning disable CA1849 // On one thread, so that its allocations can be counted.
        await using var reader = command.ExecuteReader();
#pragma warning restore CA1849
        var encoder = new RowEncoder(bench.Engine, reader, blocks: true);
        var encoding = encoder.EncodeAsync(meter, false, long.MaxValue, () => ValueTask.CompletedTask, default, default);
        Assert.True(encoding.IsCompletedSuccessfully);
        Assert.Equal(Rows, encoder.Rows);
        return meter.Allocated;
    }

    /// <summary>Forgets the rows, and counts what the thread allocates between the beginning and the end of each.</summary>
    sealed class RowMeter : IRowSink, IBufferWriter<byte>
    {
        long _before;
        object? _waste;

        public long Allocated { get; private set; }

        /// <summary>Allocates an object for each row.</summary>
        public bool Wasteful { get; init; }

        readonly byte[] _buffer = new byte[65536];

        public IBufferWriter<byte> Buffer => this;

        public ValueTask BeginAsync(IReadOnlyList<ResultColumn> columns, CancellationToken stop) => ValueTask.CompletedTask;

        public void BeginRow() => _before = GC.GetAllocatedBytesForCurrentThread();

        public ValueTask<bool> EndRowAsync(CancellationToken stop)
        {
            Allocated += GC.GetAllocatedBytesForCurrentThread() - _before;
            return ValueTask.FromResult(true);
        }

        public ValueTask EndAsync(CancellationToken stop) => ValueTask.CompletedTask;

        public void Advance(int count) => _waste = Wasteful ? new object() : _waste;

        public Memory<byte> GetMemory(int sizeHint = 0) => _buffer;

        public Span<byte> GetSpan(int sizeHint = 0) => _buffer;
    }
}

using System.Buffers;
using Halo.Contracts.Queries;
using Halo.Link.Results;
using Halo.Link.Tests.Engines;

namespace Halo.Link.Tests.Results;

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

    static async Task AssertNoAllocationPerRowAsync(EngineBench bench, string sql)
    {
        await MeasureAsync(bench, sql, 100, encode: true);
        var encoded = await MeasureAsync(bench, sql, 2 * Rows, encode: true) - await MeasureAsync(bench, sql, Rows, encode: true);
        // Npgsql's synchronous Read allocates by itself (its asynchronous one, which the Link uses, does not).
        var drained = await MeasureAsync(bench, sql, 2 * Rows, encode: false) - await MeasureAsync(bench, sql, Rows, encode: false);
        // The smallest object has 24 bytes; waiting for the socket, once in hundreds of rows, allocates too.
        Assert.True((encoded - drained) / (double)Rows < 16, $"{(encoded - drained) / (double)Rows} bytes per row");
    }

    /// <summary>Bytes allocated by the thread that reads, and encodes if asked to.</summary>
    static async Task<long> MeasureAsync(EngineBench bench, string sql, int rows, bool encode)
    {
        await using var connection = await bench.Engine.OpenAsync(null, null, TestContext.Current.CancellationToken);
        await using var command = bench.Engine.CreateCommand(connection, new QueryCommand(sql.Replace("{0}", $"{rows}", StringComparison.Ordinal)), []);
#pragma warning disable CA1849 // On one thread, so that its allocations can be counted.
        await using var reader = command.ExecuteReader();
#pragma warning restore CA1849
        var encoder = new RowEncoder(bench.Engine, reader, blocks: true);
        var before = GC.GetAllocatedBytesForCurrentThread();
        if (!encode)
        {
#pragma warning disable CA1849 // See above.
            while (reader.Read())
            {
            }
#pragma warning restore CA1849
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
        var encoding = encoder.EncodeAsync(new NullSink(), false, long.MaxValue, () => ValueTask.CompletedTask, default, default);
        Assert.True(encoding.IsCompletedSuccessfully);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(rows, encoder.Rows);
        return allocated;
    }

    /// <summary>Counts and forgets.</summary>
    sealed class NullSink : IRowSink, IBufferWriter<byte>
    {
        readonly byte[] _buffer = new byte[65536];

        public IBufferWriter<byte> Buffer => this;

        public ValueTask BeginAsync(IReadOnlyList<ResultColumn> columns, CancellationToken stop) => ValueTask.CompletedTask;

        public void BeginRow()
        {
        }

        public ValueTask<bool> EndRowAsync(CancellationToken stop) => ValueTask.FromResult(true);

        public ValueTask EndAsync(CancellationToken stop) => ValueTask.CompletedTask;

        public void Advance(int count)
        {
        }

        public Memory<byte> GetMemory(int sizeHint = 0) => _buffer;

        public Span<byte> GetSpan(int sizeHint = 0) => _buffer;
    }
}

using BenchmarkDotNet.Attributes;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.Link.Engines.Running;
using Halo.Testing;

namespace Halo.Bench.Micro;

/// <summary>One column of each type, read from PostgreSQL and encoded; what reading alone costs stands beside it.</summary>
public class RowBenchmarks
{
    // One for all cases: BenchmarkDotNet makes an instance for each.
    static readonly Lazy<Task<PostgresServer>> Server = new(() => PostgresServer.StartAsync());

    public const int Rows = 20_000;

    static readonly Dictionary<string, string> Expressions = new()
    {
        ["integer"] = "i::int",
        ["bigint"] = "i::bigint * 1000003",
        ["numeric"] = "(i * 1.37)::numeric(12,2)",
        ["float8"] = "i / 7.0::float8",
        ["boolean"] = "i % 2 = 0",
        ["date"] = "date '2020-01-01' + i % 5000",
        ["timestamptz"] = "timestamptz '2020-01-01 00:00+00' + i * interval '1 s'",
        ["uuid"] = "md5(i::text)::uuid",
        ["text"] = "'Name ' || i",
    };

    readonly NullSink _sink = new();
    IDatabaseEngine? _engine;

    public static IEnumerable<string> Types => Expressions.Keys;

    [ParamsSource(nameof(Types))]
    public string Type { get; set; } = "integer";

    public static async Task StopServerAsync()
    {
        if (Server.IsValueCreated)
            await (await Server.Value).DisposeAsync();
    }

    [GlobalSetup]
    public void SetUp() =>
        _engine = DatabaseEngines.Create(EngineNames.Postgres, Server.Value.GetAwaiter().GetResult().ConnectionString(), TimeProvider.System);

    [GlobalCleanup]
    public void CleanUp() => _engine!.DisposeAsync().AsTask().GetAwaiter().GetResult();

    [Benchmark(OperationsPerInvoke = Rows, Description = "row of one column: read and encode")]
    public long Encode() => EncodeAsync().GetAwaiter().GetResult();

    public async Task<long> EncodeAsync()
    {
        await using var connection = await _engine!.OpenAsync(null, null, default);
        await using var command = _engine.CreateCommand(connection, Command(), []);
        await using var reader = await command.ExecuteReaderAsync();
        var encoder = new RowEncoder(_engine, reader, blocks: false);
        await encoder.EncodeAsync(_sink, false, long.MaxValue, static () => ValueTask.CompletedTask, default, default);
        return encoder.Rows == Rows ? encoder.Rows : throw new InvalidOperationException($"{encoder.Rows} rows.");
    }

    [Benchmark(OperationsPerInvoke = Rows, Description = "row of one column: read alone")]
    public long Read() => ReadAsync().GetAwaiter().GetResult();

    async Task<long> ReadAsync()
    {
        await using var connection = await _engine!.OpenAsync(null, null, default);
        await using var command = _engine.CreateCommand(connection, Command(), []);
        await using var reader = await command.ExecuteReaderAsync();
        long rows = 0;
        while (await reader.ReadAsync())
            rows++;
        return rows;
    }

    QueryCommand Command() => new($"SELECT {Expressions[Type]} AS v FROM generate_series(1, {Rows}) i");
}

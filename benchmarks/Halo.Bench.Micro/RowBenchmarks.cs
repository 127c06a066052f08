using BenchmarkDotNet.Attributes;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Results;
using Halo.Testing;

namespace Halo.Bench.Micro;

/// <summary>One column of each type, read from PostgreSQL and encoded; what reading alone costs stands beside it.</summary>
public class RowBenchmarks
{
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
    PostgresServer? _server;
    IDatabaseEngine? _engine;

    public static IEnumerable<string> Types => Expressions.Keys;

    [ParamsSource(nameof(Types))]
    public string Type { get; set; } = "integer";

    [GlobalSetup]
    public async Task SetUpAsync()
    {
        _server = await PostgresServer.StartAsync();
        _engine = DatabaseEngines.Create(DatabaseEngines.Postgres, await _server.CreateDatabaseAsync(), TimeProvider.System);
    }

    [GlobalCleanup]
    public async Task CleanUpAsync()
    {
        await _engine!.DisposeAsync();
        await _server!.DisposeAsync();
    }

    [Benchmark(OperationsPerInvoke = Rows, Description = "row of one column: read and encode")]
    public async Task<long> EncodeAsync()
    {
        await using var connection = await _engine!.OpenAsync(null, null, default);
        await using var command = _engine.CreateCommand(connection, Command(), []);
        await using var reader = await command.ExecuteReaderAsync();
        var encoder = new RowEncoder(_engine, reader, blocks: false);
        await encoder.EncodeAsync(_sink, false, long.MaxValue, static () => { }, default, default);
        return encoder.Rows == Rows ? encoder.Rows : throw new InvalidOperationException($"{encoder.Rows} rows.");
    }

    [Benchmark(OperationsPerInvoke = Rows, Description = "row of one column: read alone")]
    public async Task<long> ReadAsync()
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

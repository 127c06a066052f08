using BenchmarkDotNet.Attributes;
using Halo.Api.Ledger;
using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Halo.Api.Storage.Sqlite;
using Halo.Contracts.Queries;

namespace Halo.Bench.Micro;

/// <summary>Accept and outcome of an immediate query, durable, by so many callers at once: what group commit makes of one sync.</summary>
public class LedgerBenchmarks
{
    public const int Queries = 512;
    readonly SessionReference _session = new(Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid());
    readonly Guid _integrator = Guid.NewGuid();
    readonly Guid _site = Guid.NewGuid();
    string _path = "";
    SqliteDatabase? _store;
    ImmediateLedger? _ledger;

    [Params(1, 64)]
    public int Callers { get; set; } = 64;

    [GlobalSetup]
    public void SetUp() => SetUpAsync().GetAwaiter().GetResult();

    public async Task SetUpAsync()
    {
        _path = Directory.CreateTempSubdirectory("halo-micro-").FullName;
        var directory = DataDirectory.Prepare(_path);
        _store = new SqliteDatabase(directory.File("halo.db"), TimeProvider.System);
        await _store.MigrateAsync();
        var keys = await MasterKeyLoader.LoadAsync(new EncryptionOptions(), _store, directory, mayMakeKey: true, TimeProvider.System);
        _ledger = new ImmediateLedger(_store, keys, TimeProvider.System);
    }

    [GlobalCleanup]
    public void CleanUp() => CleanUpAsync().GetAwaiter().GetResult();

    public async Task CleanUpAsync()
    {
        await _store!.DisposeAsync();
        Directory.Delete(_path, recursive: true);
    }

    [Benchmark(OperationsPerInvoke = Queries, Description = "ledger: accept and outcome, durable")]
    public void Record() => RecordAsync().GetAwaiter().GetResult();

    public Task RecordAsync() => Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => Task.Run(async () =>
    {
        for (var i = 0; i < Queries / Callers; i++)
            await OneAsync();
    })));

    async Task OneAsync()
    {
        var now = TimeProvider.System.GetUtcNow();
        var query = new NewQuery
        {
            Id = Guid.CreateVersion7(now),
            IntegratorId = _integrator,
            SiteId = _site,
            Mode = QueryMode.Immediate,
            CreatedAt = now,
            MaxTimeInQueue = 30_000,
            ExecutionLimit = 60_000,
            CommandSize = 100,
            RequestSize = 120,
            SqlSize = 15,
        };
        await _ledger!.SettleAsync(new SentQuery(query, _session, now, now.AddMinutes(2)),
            new Settlement(QueryStatus.Successful, Mover.Link) { Executed = Executed.Yes, Rows = 1, Size = 11, ResultSets = 1 });
    }
}

using BenchmarkDotNet.Attributes;
using Halo.Api.Integrators;
using Halo.Api.Storage;
using Halo.Api.Storage.Sqlite;

namespace Halo.Bench.Micro;

/// <summary>Who is calling: a key among those of a thousand integrators.</summary>
public class KeyBenchmarks
{
    public const int Checks = 1_000;
    readonly string _key = SubscriptionKey.Create();
    string _path = "";
    SqliteDatabase? _store;
    IntegratorDirectory? _directory;

    [GlobalSetup]
    public void SetUp() => SetUpAsync().GetAwaiter().GetResult();

    public async Task SetUpAsync()
    {
        _path = Directory.CreateTempSubdirectory("halo-micro-").FullName;
        _store = new SqliteDatabase(Path.Combine(_path, "halo.db"), TimeProvider.System);
        await _store.MigrateAsync();
        for (var i = 0; i < 1_000; i++)
        {
            var id = Guid.CreateVersion7();
            _ = _store.CommitAsync(new Statement(
                "INSERT INTO integrators (id, name, enabled, created_at, updated_at) VALUES (@id, @name, @enabled, 1, 1)", ("id", id), ("name", $"{i}"), ("enabled", true)));
            await _store.CommitAsync(new Statement(
                "INSERT INTO integrator_keys (integrator_id, slot, key_hash, created_at) VALUES (@id, 'primary', @hash, 1)",
                ("id", id), ("hash", SubscriptionKey.Hash(i == 500 ? _key : $"other {i}"))));
        }
        _directory = new IntegratorDirectory(_store, TimeProvider.System);
        await _directory.LoadAsync(default);
    }

    [GlobalCleanup]
    public void CleanUp() => CleanUpAsync().GetAwaiter().GetResult();

    public async Task CleanUpAsync()
    {
        _directory!.Dispose();
        await _store!.DisposeAsync();
        Directory.Delete(_path, recursive: true);
    }

    [Benchmark(OperationsPerInvoke = Checks, Description = "key check")]
    public object? Check()
    {
        Integrator? found = null;
        for (var i = 0; i < Checks; i++)
            found = (_directory!.Authenticate(_key) ?? throw new InvalidOperationException("The key was not found.")).Integrator;
        return found;
    }
}

using Halo.Bench.Load;
using Halo.Bench.Measuring;
using Halo.Bench.Reporting;
using Halo.Testing;

namespace Halo.Bench.Scenarios;

/// <summary>One scenario under way: how much to do, and where figures go.</summary>
sealed class Run(ScenarioReport report, bool quick, TextWriter progress) : IAsyncDisposable
{
    readonly List<IAsyncDisposable> _own = [];
    LoadDriver? _driver;

    public bool Quick => quick;

    /// <summary>The driver, in its own process.</summary>
    public LoadDriver Driver => _driver ??= Own(new LoadDriver());

    /// <summary>What fits the kind of run.</summary>
    public T Choose<T>(T full, T forQuick) => quick ? forQuick : full;

    public void Add(Figure figure) => report.Figures.Add(figure);

    public void Note(string text) => report.Notes.Add(text);

    public void Say(string text) => progress.WriteLine($"  {text}");

    /// <summary>A PostgreSQL of the scenario's own, with an empty database.</summary>
    public async Task<(PostgresServer Server, string ConnectionString)> StartPostgresAsync()
    {
        var server = Own(await PostgresServer.StartAsync("max_connections=300", "shared_buffers=512MB"));
        return (server, await server.CreateDatabaseAsync());
    }

    /// <summary>Disposed after the scenario, the last first; or when the harness is interrupted.</summary>
    public T Own<T>(T thing) where T : IAsyncDisposable
    {
        lock (_own)
            _own.Add(thing);
        return thing;
    }

    /// <summary>Disposed now, since what comes next is to find an empty machine.</summary>
    public async ValueTask EndAsync(IAsyncDisposable thing)
    {
        bool isOwn;
        lock (_own)
            isOwn = _own.Remove(thing);
        if (isOwn)
            await thing.DisposeAsync();
    }

    /// <summary>Each order under load until the runtime has compiled what it runs: a service is up for weeks, and its first minute is not what is asked about.</summary>
    public async Task WarmAsync(IEnumerable<LoadOrder> orders)
    {
        Say("warming up");
        foreach (var order in orders)
            await Driver.RunAsync(order with { Seconds = Choose(20.0, 2.0), Calls = 0 });
    }

    public async ValueTask DisposeAsync()
    {
        while (Last() is { } thing)
            await EndAsync(thing);
    }

    IAsyncDisposable? Last()
    {
        lock (_own)
            return _own.Count == 0 ? null : _own[^1];
    }
}

using System.Diagnostics.Metrics;
using Halo.Api.Basics;
using Halo.Api.Capacity;
using Halo.Api.Ledger;
using Halo.Api.Ledger.Records;
using Halo.Api.Links.Sessions;
using Halo.Api.Queries.Admission;
using Halo.Api.Queries.Immediate.Pending;
using Halo.Api.Queries.Settling;
using Halo.Api.Storage;

namespace Halo.Api.Observability;

/// <summary>What is measured by looking, at each export: how many, how much, how old.</summary>
sealed class Gauges : IDisposable
{
    // A meter of its own: it goes with the service, while those of Telemetry stay with the process.
    readonly Meter _meter;
    readonly QueryStore _ledger;
    readonly TimeProvider _time;
    IReadOnlyList<OpenQueries> _open = [];
    int _looking;

    public Gauges(LinkSessions sessions, QueryAdmission admission, QueryWaiters waiters, QueryStore ledger, ResultMemoryBudget results, RequestBodies requests,
        FreeSpace disk, Database database, TimeProvider time)
    {
        (_ledger, _time) = (ledger, time);
        _meter = new Meter(new MeterOptions(Telemetry.Name) { Version = ProductVersion.Text, Scope = this });
        _meter.CreateObservableGauge("halo.link.sessions", () => sessions.All.Count, "{session}", "Links that are connected here");
        _meter.CreateObservableGauge("halo.immediate.running", () => admission.UnderWay, "{query}", "Immediate queries whose callers wait");
        _meter.CreateObservableGauge("halo.waiters", () => waiters.Count, "{request}", "Requests that wait for a query's end");
        _meter.CreateObservableGauge("halo.result.memory.used", () => results.Used, "By", "Immediate results held or promised, of Halo:Limits:ResultMemoryBytes");
        _meter.CreateObservableGauge("halo.result.memory.waiting", () => results.Waiting, "{query}", "Immediate queries that wait for room for their rows");
        _meter.CreateObservableGauge("halo.request.memory.used", () => requests.Used, "By", "Request bodies held, of Halo:Limits:RequestMemoryBytes");
        _meter.CreateObservableGauge("halo.ledger.waiting", () => database.Waiting, "{write}", "Writes that wait for the store, of Halo:Limits:LedgerQueue");
        _meter.CreateObservableGauge("halo.store.late", () => database.WaitingLater, "{write}", "Writes about Links and sites that wait for a store that is away");
        _meter.CreateObservableGauge("halo.disk.free", () => Free(disk), "By", "Free bytes of the disk with the data directory");
        _meter.CreateObservableGauge("halo.queries.open", Counts, "{query}", "Queries that are not final, by state");
        _meter.CreateObservableGauge("halo.queue.oldest.age", OldestAge, "s", "Age of the oldest queued query");
    }

    /// <summary>Looks into the ledger. An exporter that cannot wait for it shows what the export before had it look up.</summary>
    public async Task LookAsync()
    {
        if (Interlocked.Exchange(ref _looking, 1) == 1)
            return;
        try
        {
            Volatile.Write(ref _open, await _ledger.CountOpenAsync());
        }
        catch (Exception e) when (e is System.Data.Common.DbException or StorageException or IOException)
        {
            // Metrics never fail for the store: its own figures show what is wrong with it.
        }
        finally
        {
            Volatile.Write(ref _looking, 0);
        }
    }

    public void Dispose() => _meter.Dispose();

    static IEnumerable<Measurement<long>> Free(FreeSpace disk) => disk.Free is { } free ? [new(free)] : [];

    IEnumerable<Measurement<long>> Counts()
    {
        var open = Volatile.Read(ref _open);
        _ = LookAsync();
        return open.Select(o => new Measurement<long>(o.Count, new KeyValuePair<string, object?>("halo.query.status", QueryLifecycle.Word(o.Status))));
    }

    double OldestAge() => Volatile.Read(ref _open).FirstOrDefault(o => o.Status == Contracts.Queries.QueryStatus.Queued) is { } queued
        ? Math.Max(0, (_time.GetUtcNow() - queued.Oldest).TotalSeconds)
        : 0;
}

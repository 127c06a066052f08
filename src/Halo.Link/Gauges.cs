using System.Diagnostics.Metrics;
using Halo.Link.Journal;
using Halo.Link.Observability;
using Halo.Link.Pages;
using Halo.Link.Session;
using Halo.Link.Work.Async;
using Halo.Link.Work.Immediate;

namespace Halo.Link;

/// <summary>What is measured by looking, at each export: how many, how much.</summary>
sealed class Gauges(ImmediateQueries immediate, AsyncQueries async, Spool spool, ClaimJournal journal, LinkState state) : IDisposable
{
    readonly Meter _meter = new(Telemetry.Name, HostInformation.Version);

    public void Begin()
    {
        _meter.CreateObservableGauge("halo.link.connected", () => state.Connection.Connected ? 1 : 0, "{session}", "1 while a session is open");
        _meter.CreateObservableGauge("halo.lane.waiting", () => immediate.Waiting, "{query}", "Immediate queries that wait for a place");
        _meter.CreateObservableGauge("halo.lane.running", () => immediate.Running, "{query}", "Immediate queries in the databases");
        _meter.CreateObservableGauge("halo.async.running", () => async.Executing, "{query}", "Async queries in the databases");
        _meter.CreateObservableGauge("halo.async.uploading", () => async.Uploading, "{query}", "Async queries whose pages are on their way");
        _meter.CreateObservableGauge("halo.spool.size", () => spool.UsedBytes, "By", "Pages on disk that the API does not have");
        _meter.CreateObservableGauge("halo.journal.size", () => journal.Size, "By", "The journal's files on disk");
        _meter.CreateObservableGauge("halo.spool.limit", () => spool.Limit, "By", "What the spool may take now");
    }

    public void Dispose() => _meter.Dispose();
}

using System.Diagnostics.Metrics;
using Halo.Api.Basics;

namespace Halo.Api.Console.Parts;

/// <summary>How many queries ended in each minute of the last hour, on this node and since its start: counted by the metric <c>halo.queries</c>, so that no page asks the ledger.</summary>
sealed class QueryRate : IDisposable
{
    const int Minutes = 60;

    readonly Lock _lock = new();
    readonly long[] _counts = new long[Minutes];
    readonly MeterListener _listener = new();
    readonly TimeProvider _time;
    long _minute;

    public QueryRate(TimeProvider time)
    {
        _time = time;
        _minute = Now;
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument is { Meter.Name: Telemetry.Name, Name: "halo.queries" })
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((_, count, _, _) => Add(count));
        _listener.Start();
    }

    /// <summary>Oldest first; the last is the minute that runs.</summary>
    public IReadOnlyList<long> LastHour()
    {
        lock (_lock)
        {
            Advance();
            return [.. Enumerable.Range(1, Minutes).Select(i => _counts[(_minute + i) % Minutes])];
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _listener.Dispose();

    long Now => _time.GetUtcNow().ToUnixTimeSeconds() / 60;

    void Add(long count)
    {
        lock (_lock)
        {
            Advance();
            _counts[_minute % Minutes] += count;
        }
    }

    /// <summary>Empties the minutes that have begun since. A clock that was set back counts on in the minute that runs.</summary>
    void Advance()
    {
        var now = Now;
        if (now - _minute >= Minutes)
            Array.Clear(_counts);
        for (; _minute < now; _minute++)
            _counts[(_minute + 1) % Minutes] = 0;
    }
}

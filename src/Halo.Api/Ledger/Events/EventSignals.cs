using System.Collections.Concurrent;

namespace Halo.Api.Ledger.Events;

/// <summary>Who waits for new events. Whoever has committed some raises it for their integrators.</summary>
/// <remarks>Of this process: what another node commits is found by looking, see those who wait.</remarks>
sealed class EventSignals
{
    readonly ConcurrentDictionary<long, (Guid? IntegratorId, Action<Guid> Wake)> _waiting = new();
    long _last;

    /// <summary>Calls back, on the thread of whoever raises it, for each new event; it must return at once.</summary>
    /// <param name="integratorId">Of this one alone; null: of all.</param>
    /// <returns>Ends it when disposed.</returns>
    public IDisposable Subscribe(Guid? integratorId, Action<Guid> wake)
    {
        var number = Interlocked.Increment(ref _last);
        _waiting[number] = (integratorId, wake);
        return new Subscription(() => _waiting.TryRemove(number, out _));
    }

    /// <summary>An integrator has new events.</summary>
    public void Raise(Guid integratorId)
    {
        foreach (var (_, (wanted, wake)) in _waiting)
        {
            if (wanted is null || wanted == integratorId)
                wake(integratorId);
        }
    }

    /// <inheritdoc cref="Raise(Guid)"/>
    public void Raise(IEnumerable<Guid> integratorIds)
    {
        foreach (var id in integratorIds.Distinct())
            Raise(id);
    }

    /// <summary>Streams of an integrator that are open.</summary>
    public int CountOf(Guid integratorId) => _waiting.Values.Count(w => w.IntegratorId == integratorId);

    sealed class Subscription(Action end) : IDisposable
    {
        public void Dispose() => end();
    }
}

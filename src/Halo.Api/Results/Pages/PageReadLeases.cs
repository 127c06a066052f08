namespace Halo.Api.Results.Pages;

/// <summary>Whose pages are being read one after another, and must not go meanwhile.</summary>
/// <param name="remove">Called when the last reader of what is to go has left.</param>
sealed class PageReadLeases(Action<Guid> remove)
{
    readonly Dictionary<Guid, (int Readers, bool ToGo)> _held = [];

    public IDisposable Hold(Guid queryId)
    {
        lock (_held)
        {
            var (readers, toGo) = _held.GetValueOrDefault(queryId);
            _held[queryId] = (readers + 1, toGo);
        }
        return new Reader(this, queryId);
    }

    /// <returns>False: somebody reads them; they go when the last one has left.</returns>
    public bool MayRemove(Guid queryId)
    {
        lock (_held)
        {
            if (!_held.TryGetValue(queryId, out var held))
                return true;
            _held[queryId] = held with { ToGo = true };
            return false;
        }
    }

    void Leave(Guid queryId)
    {
        lock (_held)
        {
            var held = _held[queryId];
            if (held.Readers > 1)
            {
                _held[queryId] = held with { Readers = held.Readers - 1 };
                return;
            }
            _held.Remove(queryId);
            if (!held.ToGo)
                return;
        }
        remove(queryId);
    }

    sealed class Reader(PageReadLeases pages, Guid queryId) : IDisposable
    {
        PageReadLeases? _pages = pages;

        public void Dispose() => Interlocked.Exchange(ref _pages, null)?.Leave(queryId);
    }
}

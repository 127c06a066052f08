
namespace Halo.Link.Work.Immediate;

/// <summary>The ids of immediate queries that this run has had, the last 65,536 of them: an id runs once.</summary>
sealed class SeenIds
{
    const int Most = 65_536;
    readonly Lock _lock = new();
    readonly HashSet<Guid> _ids = [];
    readonly Queue<Guid> _order = new();

    /// <summary>False: it was here before.</summary>
    public bool Add(Guid id)
    {
        lock (_lock)
        {
            if (!_ids.Add(id))
                return false;
            _order.Enqueue(id);
            if (_order.Count > Most)
                _ids.Remove(_order.Dequeue());
            return true;
        }
    }
}

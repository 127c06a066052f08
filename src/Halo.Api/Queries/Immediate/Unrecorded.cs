using System.Collections.Concurrent;

namespace Halo.Api.Queries.Immediate;

/// <summary>Accepts that the store did not take. Their commands may be with a Link all the same: the record is made again before an outcome is.</summary>
sealed class Unrecorded
{
    // A store that fails for long must not fill the memory; what is beyond is settled as the Link's word alone.
    const int Most = 10_000;
    readonly ConcurrentDictionary<Guid, Func<Task>> _accepts = new();

    /// <summary>Records an accept, remembering how where that fails. The task ends, without a fault, when it is known.</summary>
    public async Task Watch(Guid queryId, Func<Task> record)
    {
        try
        {
            await record();
        }
        catch (Exception) when (_accepts.Count < Most && _accepts.TryAdd(queryId, record))
        {
            // Told by whoever needs the record: the outcome's settling.
        }
    }

    /// <summary>Makes the record that is missing.</summary>
    /// <returns>False where none is known to be missing.</returns>
    public async Task<bool> RecordAsync(Guid queryId)
    {
        if (!_accepts.TryGetValue(queryId, out var record))
            return false;
        await record();
        _accepts.TryRemove(queryId, out _);
        return true;
    }
}

using System.Collections.Concurrent;

namespace Halo.Link.Engines.Connections;

/// <summary>The sessions of this Link in the databases' servers, whichever login they have: who waits for one of these and is none of them is the practice's own.</summary>
sealed class OwnSessions
{
    readonly ConcurrentDictionary<(string Server, long Id), int> _sessions = new();

    /// <summary>A session is in use.</summary>
    /// <param name="server">Host and port.</param>
    /// <param name="id">As the server numbers it.</param>
    public void Add(string server, long id) => _sessions.AddOrUpdate((server, id), 1, static (_, uses) => uses + 1);

    /// <summary>It is not in use any more.</summary>
    public void Remove(string server, long id)
    {
        while (_sessions.TryGetValue((server, id), out var uses))
        {
            if (uses > 1 ? _sessions.TryUpdate((server, id), uses - 1, uses) : _sessions.TryRemove(new((server, id), uses)))
                return;
        }
    }

    /// <summary>Whether it is one of these.</summary>
    public bool Contains(string server, long id) => _sessions.ContainsKey((server, id));
}

using System.Collections.Concurrent;
using System.Net;

namespace Halo.Api.Basics;

/// <summary>When and from where a key was last used.</summary>
sealed record KeyUse(DateTimeOffset At, string? From);

/// <summary>When keys were last used: to the minute, so that each costs one write a minute at most.</summary>
sealed class KeyUses(TimeProvider time)
{
    static readonly TimeSpan Step = TimeSpan.FromMinutes(1);

    readonly ConcurrentDictionary<Guid, KeyUse> _last = new();

    /// <summary>The last use of a key since the start; null: none.</summary>
    /// <param name="key">What names it: an id, or the beginning of its hash.</param>
    public KeyUse? Of(Guid key) => _last.GetValueOrDefault(key);

    /// <summary>A key was used.</summary>
    /// <param name="stored">The last use that the store knew at the start.</param>
    /// <returns>What to store; null: a use within the minute is stored already.</returns>
    public KeyUse? Record(Guid key, KeyUse? stored, IPAddress? from)
    {
        var now = time.GetUtcNow();
        var known = Of(key);
        // A clock that was set back must not hide what comes.
        if ((known ?? stored) is { } last && now >= last.At && now - last.At < Step)
            return null;
        var use = new KeyUse(now, AddressRange.Text(from));
        // Of calls at the same moment one stores it.
        return (known is null ? _last.TryAdd(key, use) : _last.TryUpdate(key, use, known)) ? use : null;
    }
}

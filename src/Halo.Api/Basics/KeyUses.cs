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
        // A clock that was set back must not hide what comes.
        if ((Of(key) ?? stored) is { } last && now >= last.At && now - last.At < Step)
            return null;
        return _last[key] = new(now, from is null ? null : AddressRange.Plain(from).ToString());
    }
}

using System.Collections.Concurrent;
using System.Net;
using Halo.Api.Basics;

namespace Halo.Api.Operators;

/// <summary>
/// Slows down whoever guesses the operator's keys: ten wrong ones from an address within a minute, and further wrong ones are
/// refused unread for that minute. The right key always passes, since behind a proxy that is not trusted everybody has one address.
/// </summary>
sealed class WrongKeyLimiter(TimeProvider time)
{
    const int Tries = 10;
    const int RememberedAddresses = 1000;
    static readonly TimeSpan Window = TimeSpan.FromMinutes(1);
    // Shared by all addresses beyond those that are remembered.
    static readonly IPAddress Others = IPAddress.None;
    readonly ConcurrentDictionary<IPAddress, (int Wrong, DateTimeOffset Since)> _wrong = new();

    /// <summary>Counts a wrong key.</summary>
    /// <returns>How long to wait where there were too many before it; else null.</returns>
    public TimeSpan? Count(IPAddress? address)
    {
        var now = time.GetUtcNow();
        var caller = CallerOf(address ?? Others, now);
        var (wrong, since) = _wrong.AddOrUpdate(caller, _ => (1, now), (_, before) => now - before.Since < Window ? (before.Wrong + 1, before.Since) : (1, now));
        return wrong > Tries ? since + Window - now : null;
    }

    IPAddress CallerOf(IPAddress address, DateTimeOffset now)
    {
        address = AddressRange.CallerOf(address);
        if (_wrong.Count < RememberedAddresses || _wrong.ContainsKey(address))
            return address;
        foreach (var (old, tries) in _wrong)
        {
            if (now - tries.Since >= Window)
                _wrong.TryRemove(old, out _);
        }
        return _wrong.Count < RememberedAddresses ? address : Others;
    }
}

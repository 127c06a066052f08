using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace Halo.Link.Engines;

/// <summary>Logins that their servers refused: each is tried again after 30 seconds at the earliest, and then ever more seldom, so that no account is locked.</summary>
/// <remarks>One for all sites of the Link: several may use one login. Another password is another login.</remarks>
public sealed class LoginRefusals(TimeProvider time)
{
    static readonly TimeSpan Shortest = TimeSpan.FromSeconds(30);
    static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);

    readonly ConcurrentDictionary<string, Refusal> _refused = new(StringComparer.Ordinal);

    /// <summary>Why the login is not to be tried now; null: it may be, once, and until its end nobody else may.</summary>
    internal ConnectionFault? Holds(IDatabaseEngine engine)
    {
        if (_refused.IsEmpty || engine.LoginKey is not { Length: > 0 } login || !_refused.TryGetValue(Digest(login), out var refusal))
            return null;
        lock (refusal)
        {
            if (time.GetElapsedTime(refusal.At) < refusal.Wait)
                return refusal.Fault;
            (refusal.At, refusal.IsTried) = (time.GetTimestamp(), true);
            return null;
        }
    }

    /// <summary>The server refused it.</summary>
    internal void Refused(IDatabaseEngine engine, ConnectionFault fault)
    {
        if (engine.LoginKey is not { Length: > 0 } login)
            return;
        var refusal = _refused.GetOrAdd(Digest(login), static _ => new());
        lock (refusal)
        {
            // Told again by one that was held back, it is no new refusal.
            if (ReferenceEquals(refusal.Fault, fault))
                return;
            // Several queries that were told by the same try count once.
            if (refusal.Fault is null)
                refusal.Wait = Shortest;
            else if (refusal.IsTried)
                refusal.Wait = refusal.Wait * 2 < Longest ? refusal.Wait * 2 : Longest;
            (refusal.Fault, refusal.At, refusal.IsTried) = (fault, time.GetTimestamp(), false);
        }
    }

    /// <summary>The server took it.</summary>
    internal void Accepted(IDatabaseEngine engine)
    {
        if (!_refused.IsEmpty && engine.LoginKey is { Length: > 0 } login)
            _refused.TryRemove(Digest(login), out _);
    }

    /// <summary>Until it may be tried again.</summary>
    internal TimeSpan Wait(IDatabaseEngine engine)
    {
        if (engine.LoginKey is not { Length: > 0 } login || !_refused.TryGetValue(Digest(login), out var refusal))
            return Shortest;
        lock (refusal)
        {
            var left = refusal.Wait - time.GetElapsedTime(refusal.At);
            return left > TimeSpan.FromSeconds(1) ? left : TimeSpan.FromSeconds(1);
        }
    }

    static string Digest(string login) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(login)));

    sealed class Refusal
    {
        public ConnectionFault? Fault;
        public long At;
        public TimeSpan Wait;
        public bool IsTried;
    }
}

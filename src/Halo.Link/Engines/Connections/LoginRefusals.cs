using System.Security.Cryptography;
using System.Text;

namespace Halo.Link.Engines.Connections;

/// <summary>Logins that their servers refused: each is tried again after 30 seconds at the earliest, and then ever more seldom, so that no account is locked.</summary>
/// <remarks>
/// One for all sites of the Link: several may use one login, and one that succeeds ends the wait of all. Another password is another login. A refusal of one
/// database by a server that takes the same login elsewhere (PostgreSQL decides by pg_hba.conf) is no refusal of the login: only that database waits.
/// </remarks>
sealed class LoginRefusals(TimeProvider time)
{
    /// <summary>How long a login waits after its first refusal.</summary>
    public static readonly TimeSpan Shortest = TimeSpan.FromSeconds(30);

    /// <summary>How long it waits at most.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);

    static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(1);

    readonly Lock _lock = new();
    readonly Dictionary<string, Login> _logins = new(StringComparer.Ordinal);
    int _refused;
    bool _isAnyHeld;

    /// <summary>How often a login was refused: whoever succeeds says so once after each, and not with each connection.</summary>
    internal int Refusals => Volatile.Read(ref _refused);

    /// <summary>Why the login is not to be tried now; null: it may be, once, and until its end nobody else may.</summary>
    internal ConnectionFault? Holds(DatabaseConnector connector)
    {
        // Asked before each connection, and hardly ever is there one.
        if (!Volatile.Read(ref _isAnyHeld))
            return null;
        lock (_lock)
        {
            if (Find(connector) is not { } refusal)
                return null;
            if (time.GetElapsedTime(refusal.At) < refusal.Wait)
            {
                refusal.Waiting.Add(connector);
                return refusal.Fault;
            }
            (refusal.At, refusal.IsTried) = (time.GetTimestamp(), true);
            return null;
        }
    }

    /// <summary>The server refused it.</summary>
    internal void Refused(DatabaseConnector connector, ConnectionFault fault)
    {
        if (connector.Engine.LoginKey is not { Length: > 0 } key)
            return;
        lock (_lock)
        {
            var digest = Digest(key);
            if (!_logins.TryGetValue(digest, out var login))
                _logins.Add(digest, login = new());
            // Where it was taken before, it is the login that changed.
            if (login.Accepted.Contains(connector))
                login.Accepted.Clear();
            var refusal = login.Accepted.Count > 0 ? Own(login, connector) : login.Refusal ??= new();
            refusal.Waiting.Add(connector);
            // Several queries that were told by the same try count once.
            if (refusal.Fault is null)
                refusal.Wait = Shortest;
            else if (refusal.IsTried)
                refusal.Wait = refusal.Wait * 2 < Longest ? refusal.Wait * 2 : Longest;
            (refusal.Fault, refusal.At, refusal.IsTried) = (fault, time.GetTimestamp(), false);
            Interlocked.Increment(ref _refused);
            Volatile.Write(ref _isAnyHeld, true);
        }
    }

    /// <summary>The server took it: nobody waits any more for this login, except for databases that refuse it alone.</summary>
    internal void Accepted(DatabaseConnector connector)
    {
        if (connector.Engine.LoginKey is not { Length: > 0 } key)
            return;
        List<DatabaseConnector> waiting = [];
        lock (_lock)
        {
            var digest = Digest(key);
            if (!_logins.TryGetValue(digest, out var login))
                _logins.Add(digest, login = new());
            login.Accepted.Add(connector);
            login.Alone.Remove(connector);
            if (login.Refusal is { } refusal)
                waiting.AddRange(refusal.Waiting);
            login.Refusal = null;
            Recount();
        }
        foreach (var other in waiting.Where(c => c != connector))
            other.TryNow();
    }

    /// <summary>Until it may be tried again.</summary>
    internal TimeSpan Wait(DatabaseConnector connector)
    {
        if (connector.Engine.LoginKey is not { Length: > 0 })
            return Shortest;
        lock (_lock)
        {
            // None: it was accepted in the meantime.
            var left = Find(connector) is { } refusal ? refusal.Wait - time.GetElapsedTime(refusal.At) : TimeSpan.Zero;
            return left > AtOnce ? left : AtOnce;
        }
    }

    /// <summary>The connector is gone.</summary>
    internal void Forget(DatabaseConnector connector)
    {
        lock (_lock)
        {
            foreach (var (key, login) in _logins)
            {
                login.Accepted.Remove(connector);
                login.Alone.Remove(connector);
                login.Refusal?.Waiting.Remove(connector);
                if (login.Accepted.Count == 0 && login.Alone.Count == 0 && login.Refusal is null)
                    _logins.Remove(key);
            }
            Recount();
        }
    }

    /// <summary>Under the lock.</summary>
    void Recount() => Volatile.Write(ref _isAnyHeld, _logins.Values.Any(l => l.Refusal is not null || l.Alone.Count > 0));

    Refusal? Find(DatabaseConnector connector) =>
        connector.Engine.LoginKey is not { Length: > 0 } key || !_logins.TryGetValue(Digest(key), out var login) ? null
        : login.Alone.GetValueOrDefault(connector) ?? login.Refusal;

    static Refusal Own(Login login, DatabaseConnector connector)
    {
        if (!login.Alone.TryGetValue(connector, out var refusal))
            login.Alone.Add(connector, refusal = new());
        return refusal;
    }

    static string Digest(string login) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(login)));

    sealed class Login
    {
        /// <summary>Who has had a connection with it since its last refusal.</summary>
        public readonly HashSet<DatabaseConnector> Accepted = [];

        /// <summary>Refusals of databases whose server takes the login elsewhere.</summary>
        public readonly Dictionary<DatabaseConnector, Refusal> Alone = [];

        public Refusal? Refusal;
    }

    sealed class Refusal
    {
        public readonly HashSet<DatabaseConnector> Waiting = [];
        public ConnectionFault? Fault;
        public long At;
        public TimeSpan Wait;
        public bool IsTried;
    }
}

using System.Globalization;

namespace Halo.Link.Engines;

/// <summary>How the Link's sessions behave towards the practice's own on one site: <c>sites[].protection</c>.</summary>
/// <remarks>The defaults are the recommended values. Each engine applies what its database has; what it has not, the settings reader refuses.</remarks>
sealed record PracticeProtection
{
    /// <summary>Who dies in a deadlock. Default low: the Link's statement, not the practice's. SQL Server alone.</summary>
    public DeadlockPriority DeadlockPriority { get; init; } = DeadlockPriority.Low;

    /// <summary>How long a reader (execution mode reader or scalar) waits for a lock, 1 ms to 10 min; null: as long as its execution limit. Default 5 s.</summary>
    public TimeSpan? LockTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Isolation level of readers. Default read committed.</summary>
    public ReaderIsolation Isolation { get; init; } = ReaderIsolation.ReadCommitted;

    /// <summary>Processors that one statement may use, 1 to 64; null: the server's own setting. PostgreSQL alone: SQL Server takes none from a session.</summary>
    public int? MaxDop { get; init; }

    /// <summary>How long one of the practice's own sessions may wait for a lock of ours before our statement is cancelled, 100 ms to 10 min; null: for ever. Default 3 s.</summary>
    public TimeSpan? BlockingGuard { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Readers ask for a readable replica where the server has one (SQL Server's <c>ApplicationIntent=ReadOnly</c>). Default false.</summary>
    public bool ReadIntent { get; init; }

    /// <summary>
    /// How long a statement waits for a caller of an immediate query who takes no rows, 1 s to 10 min; then it is cancelled, and its locks are free. Null: as
    /// long as its execution limit. Default 30 s.
    /// </summary>
    public TimeSpan? SlowReader { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The same with what an operator set from afar, where that is stricter.</summary>
    public PracticeProtection Within(TimeSpan? lockTimeout, TimeSpan? blockingGuard, TimeSpan? slowReader) => this with
    {
        LockTimeout = Shorter(LockTimeout, lockTimeout),
        BlockingGuard = Shorter(BlockingGuard, blockingGuard),
        SlowReader = Shorter(SlowReader, slowReader),
    };

    /// <summary>What is in force, for people, by the names of the settings; what the engine does not have is left out.</summary>
    /// <param name="engine">One of <see cref="EngineNames"/>.</param>
    public string Describe(string engine)
    {
        var told = new List<string>();
        if (engine == EngineNames.SqlServer)
            told.Add($"deadlockPriority {Word(DeadlockPriority)}");
        if (engine != EngineNames.Sqlite)
            told.AddRange([$"lockTimeoutMs {Milliseconds(LockTimeout)}", $"isolation {Word(Isolation)}", $"blockingGuardMs {Milliseconds(BlockingGuard)}"]);
        told.Add($"slowReaderMs {Milliseconds(SlowReader)}");
        if (MaxDop is { } most)
            told.Add(string.Create(CultureInfo.InvariantCulture, $"maxDop {most}"));
        if (ReadIntent)
            told.Add("readIntent");
        return string.Join(", ", told);

        static string Word<T>(T word) where T : struct, Enum => char.ToLowerInvariant(word.ToString()[0]) + word.ToString()[1..];
        static string Milliseconds(TimeSpan? time) => string.Create(CultureInfo.InvariantCulture, $"{time?.TotalMilliseconds ?? 0:0}");
    }

    static TimeSpan? Shorter(TimeSpan? one, TimeSpan? other) => one is null || other < one ? other : one;
}

/// <summary>Words of <c>protection.deadlockPriority</c>.</summary>
enum DeadlockPriority
{
    /// <summary>The Link's statement dies.</summary>
    Low,

    /// <summary>The statement that is cheaper to roll back dies.</summary>
    Normal,
}

/// <summary>Words of <c>protection.isolation</c>.</summary>
enum ReaderIsolation
{
    /// <summary>Readers see committed data.</summary>
    ReadCommitted,

    /// <summary>Readers see the data as it was when they began, and lock nothing. SQL Server needs <c>ALLOW_SNAPSHOT_ISOLATION</c>; PostgreSQL calls it repeatable read.</summary>
    Snapshot,

    /// <summary>Readers lock nothing and see what is not committed. On PostgreSQL the same as read committed.</summary>
    ReadUncommitted,
}

using Halo.Link.Engines;

namespace Halo.Link.Settings.Reading;

/// <summary>Reads a site's <c>protection</c>. What its engine cannot do is a fault: a practice must not believe it is protected.</summary>
static class ProtectionReader
{
    const long TenMinutes = 600_000;

    public static PracticeProtection Read(SettingsNode site, string? engine)
    {
        var standard = new PracticeProtection();
        if (site.Object("protection") is not { } node)
            return standard;
        var read = new PracticeProtection
        {
            DeadlockPriority = Word(node, "deadlockPriority", standard.DeadlockPriority),
            LockTimeout = Time(node, "lockTimeoutMs", standard.LockTimeout, 1),
            Isolation = Word(node, "isolation", standard.Isolation),
            MaxDop = (int)node.Number("maxDop", 0, 0, 64) is > 0 and var most ? most : null,
            BlockingGuard = Time(node, "blockingGuardMs", standard.BlockingGuard, 100),
            SlowReader = Time(node, "slowReaderMs", standard.SlowReader, 1000),
            ReadIntent = node.Truth("readIntent", standard.ReadIntent),
        };
        foreach (var name in node.Names)
            if (WhyNot(engine, name) is { } reason)
                node.Fault(name, reason);
        node.RefuseUnknown();
        return read;
    }

    static string? WhyNot(string? engine, string name) => (engine, name.ToUpperInvariant()) switch
    {
        (EngineNames.SqlServer, "MAXDOP") =>
            "cannot be held to: SQL Server takes no degree of parallelism from a session. Give the Link's login a Resource Governor workload group with MAX_DOP (docs/sql-server.md).",
        (EngineNames.Postgres, "DEADLOCKPRIORITY") => "cannot be held to: PostgreSQL has no priorities in deadlocks. Leave it out.",
        (EngineNames.Postgres, "READINTENT") => "is SQL Server's; for PostgreSQL write Target Session Attributes=prefer-standby into connectionString.",
        (EngineNames.Sqlite, "DEADLOCKPRIORITY" or "LOCKTIMEOUTMS" or "ISOLATION" or "MAXDOP" or "BLOCKINGGUARDMS" or "READINTENT") =>
            "cannot be held to: SQLite has no sessions that could wait for each other. Leave it out.",
        _ => null,
    };

    /// <summary>0: no bound.</summary>
    static TimeSpan? Time(SettingsNode node, string name, TimeSpan? otherwise, long least)
    {
        var milliseconds = node.Number(name, (long)(otherwise?.TotalMilliseconds ?? 0), 0, TenMinutes);
        if (milliseconds > 0 && milliseconds < least)
            node.Fault(name, $"must be 0 (no bound) or a whole number from {least} to {TenMinutes}.");
        return milliseconds == 0 ? null : TimeSpan.FromMilliseconds(milliseconds);
    }

    static T Word<T>(SettingsNode node, string name, T otherwise) where T : struct, Enum
    {
        if (node.Text(name) is not { } text)
            return otherwise;
        var words = Enum.GetNames<T>().Select(w => char.ToLowerInvariant(w[0]) + w[1..]).ToList();
        if (SettingsNode.OneOf(text, words) is { } word)
            return Enum.Parse<T>(word, ignoreCase: true);
        node.Fault(name, $"must be one of {string.Join(", ", words)}.");
        return otherwise;
    }
}

using Halo.Contracts.Queries;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Journal;

/// <summary>Where queries write into the journal, and what becomes of them where it cannot be used. The first failure and the recovery are logged, not those between.</summary>
sealed partial class JournalWriter(ClaimJournal journal, ILogger logger)
{
    int _failing;

    /// <returns>False: it cannot be read.</returns>
    public bool TryFind(Guid queryId, out JournalEntry? entry)
    {
        JournalEntry? found = null;
        var known = Try(() => found = journal.Find(queryId), ends: false);
        entry = found;
        return known;
    }

    /// <returns>Whether the entries are durable.</returns>
    public bool TrySave(params JournalEntry[] entries) => Try(() => journal.Save(entries), ends: true);

    /// <summary>Takes an <c>Idempotency-Key</c> for a query that is about to run.</summary>
    /// <param name="known">What is known of another query that was begun under it: this one must not run. Null: it may.</param>
    /// <returns>False: that could not be written down, so it must not run either.</returns>
    public bool TryTakeKey(byte[] keyHash, Guid queryId, out Executed? known)
    {
        Executed? found = null;
        var taken = Try(() => found = journal.TakeKey(keyHash, queryId), ends: true);
        known = found;
        return taken;
    }

    /// <summary>Where it cannot be written, a repeat hears that the fate is unknown.</summary>
    public void SettleKey(byte[] keyHash, Guid queryId, Executed executed) => Try(() => journal.SettleKey(keyHash, queryId, executed), ends: true);

    /// <summary>The API has settled them: what is remembered is only that they were begun.</summary>
    public void Settle(IReadOnlyList<JournalEntry> entries) => Try(() => journal.Settle(entries), ends: false);

    /// <param name="ends">Whether success ends a streak of failures: reading, and removing what is not there, succeed on a disk that cannot be written.</param>
    bool Try(Action use, bool ends)
    {
        try
        {
            use();
        }
        catch (Exception e)
        {
            // Whatever it is: a claim that left the line and is lost here would be told to nobody.
            if (Interlocked.Exchange(ref _failing, 1) == 0)
                LogFailing(e.GetType().Name, (e as SqliteException)?.SqliteErrorCode ?? 0);
            return false;
        }
        if (ends && Interlocked.Exchange(ref _failing, 0) == 1)
            LogRecovered();
        return true;
    }

    [LoggerMessage(2102, LogLevel.Error, "The journal cannot be used ({Kind}, SQLite {Code}): async queries and those with an Idempotency-Key are refused until it can; look at the disk.")]
    partial void LogFailing(string kind, int code);

    [LoggerMessage(2113, LogLevel.Information, "The journal can be used again.")]
    partial void LogRecovered();
}

using Halo.Link.Journal;
using Halo.LinkProtocol.Messages;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Work.Async;

/// <summary>What is known of one claimed query: its entry in the journal, and the report that the API has not acknowledged.</summary>
sealed partial class ClaimRecord(JournalEntry entry, ClaimJournal journal, ILogger logger)
{
    readonly Lock _lock = new();
    JournalEntry _entry = entry;
    Report? _pending = entry.Report;

    /// <summary>As it stands in the journal.</summary>
    public JournalEntry Entry => Volatile.Read(ref _entry);

    /// <summary>The last report, under the present claim, until the API has acknowledged it.</summary>
    public Report? Pending => Volatile.Read(ref _pending) is { } report ? report with { ClaimId = Entry.ClaimId } : null;

    /// <summary>Changes the entry, here and in the journal.</summary>
    /// <returns>Whether it is durable. Where it is not, the query goes on as if: a restart then knows less, never something wrong.</returns>
    public bool Update(Func<JournalEntry, JournalEntry> change)
    {
        lock (_lock)
        {
            var next = change(_entry);
            Volatile.Write(ref _entry, next);
            return TryWrite(() => journal.Save(next));
        }
    }

    /// <summary>From now on this is what the API is to hear.</summary>
    public void Await(Report report) => Volatile.Write(ref _pending, report);

    /// <summary>Forgets that a report waits, once it was acknowledged and another will follow.</summary>
    public void Acknowledged(ReportKind kind)
    {
        lock (_lock)
        {
            if (_pending?.Kind == kind)
                _pending = null;
        }
    }

    /// <summary>The API has its last report: what is remembered is only that it was begun.</summary>
    public void Settle() => TryWrite(() =>
    {
        var entry = Entry;
        if (!entry.Begun)
            journal.Forget(entry.QueryId, entry.ClaimId);
        else if (journal.Find(entry.QueryId) is { } kept && kept.ClaimId == entry.ClaimId)
            journal.Save(entry with { Held = false });
    });

    bool TryWrite(Action write)
    {
        try
        {
            write();
            return true;
        }
        catch (SqliteException e)
        {
            LogJournal(logger, Entry.QueryId, e.SqliteErrorCode);
            return false;
        }
    }

    [LoggerMessage(2102, LogLevel.Error, "The journal could not be written for query {QueryId} (SQLite {Code}); look at the disk.")]
    static partial void LogJournal(ILogger logger, Guid queryId, int code);
}

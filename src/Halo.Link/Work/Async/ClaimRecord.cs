using Halo.Link.Journal;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Work.Async;

/// <summary>What is known of one claimed query: its entry in the journal, and the report that the API has not acknowledged.</summary>
sealed class ClaimRecord(JournalEntry entry, JournalDesk desk)
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
            return desk.TrySave(next);
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
    public void Settle() => desk.Settle(Entry);
}

using Halo.Link.Journal;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Work.Async;

/// <summary>What is known of one claimed query: its entry in the journal, and the report that the API has not acknowledged.</summary>
sealed class ClaimRecord(JournalEntry entry, JournalWriter desk)
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

    /// <summary>Changes many, as <see cref="Update"/> does one, in one transaction.</summary>
    public static void UpdateAll(IEnumerable<(ClaimRecord Record, Func<JournalEntry, JournalEntry> Change)> changes, JournalWriter desk)
    {
        List<ClaimRecord> locked = [];
        try
        {
            List<JournalEntry> entries = [];
            foreach (var (record, change) in changes)
            {
                // Until it is written: what another writes of one of them comes after this, here and in the journal.
                record._lock.Enter();
                locked.Add(record);
                var next = change(record._entry);
                Volatile.Write(ref record._entry, next);
                entries.Add(next);
            }
            if (entries.Count > 0)
                desk.TrySave([.. entries]);
        }
        finally
        {
            foreach (var record in locked)
                record._lock.Exit();
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
}

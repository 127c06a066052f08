using Halo.Link.Journal;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Work.Async;

/// <summary>What is known of one claimed query: its entry in the journal, and the report that the API has not acknowledged.</summary>
/// <remarks>A query's life and the loop that hears the API change it at the same time, so each change is one step: a report of the entry's waits from the moment in which it stands there.</remarks>
sealed class ClaimRecord(JournalEntry entry, JournalWriter desk)
{
    readonly Lock _lock = new();
    JournalEntry _entry = entry;
    Report? _pending = entry.Report;

    /// <summary>As it stands in the journal.</summary>
    public JournalEntry Entry => Volatile.Read(ref _entry);

    /// <summary>The last report, under the present claim, until the API has acknowledged it.</summary>
    public Report? Pending => Volatile.Read(ref _pending) is { } report ? report with { ClaimId = Entry.ClaimId } : null;

    /// <summary>Changes the entry, here and in the journal. A new report in it is what the API is to hear from now on.</summary>
    /// <returns>Whether it is durable. Where it is not, the query goes on as if: a restart then knows less, never something wrong.</returns>
    public bool Update(Func<JournalEntry, JournalEntry> change)
    {
        lock (_lock)
            return desk.TrySave(Change(change));
    }

    /// <summary>Changes many, as <see cref="Update"/> does one, in one transaction.</summary>
    public static void UpdateAll(IEnumerable<(ClaimRecord Record, Func<JournalEntry, JournalEntry> Change)> changes, JournalWriter desk) =>
        ChangeAll(changes.Select(c => (c.Record, (Func<JournalEntry?>)(() => c.Record.Change(c.Change)))), desk);

    /// <summary>Of each that still waits to be told, the same with less in it, in one transaction. What was replaced meanwhile stays as it is.</summary>
    public static void ReplaceAll(IEnumerable<(ClaimRecord Record, Report Told, Report Smaller)> reports, JournalWriter desk) =>
        ChangeAll(reports.Select(r => (r.Record, (Func<JournalEntry?>)(() => r.Record.Replace(r.Told, r.Smaller)))), desk);

    /// <summary>What the API is to hear and the journal need not keep: the columns while rows come.</summary>
    public void Await(Report report)
    {
        lock (_lock)
            _pending = report;
    }

    /// <summary>Forgets that a report waits, once it was acknowledged and another will follow.</summary>
    public void Acknowledged(ReportKind kind)
    {
        lock (_lock)
        {
            if (_pending?.Kind == kind)
                _pending = null;
        }
    }

    JournalEntry Change(Func<JournalEntry, JournalEntry> change)
    {
        var next = change(_entry);
        if (next.Report is { } report && !ReferenceEquals(report, _entry.Report))
            _pending = report;
        Volatile.Write(ref _entry, next);
        return next;
    }

    JournalEntry? Replace(Report told, Report smaller)
    {
        if (Pending != told)
            return null;
        _pending = smaller;
        if (_entry.Report is null)
            return null;
        Volatile.Write(ref _entry, _entry with { Report = smaller });
        return _entry;
    }

    static void ChangeAll(IEnumerable<(ClaimRecord Record, Func<JournalEntry?> Change)> changes, JournalWriter desk)
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
                if (change() is { } next)
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
}

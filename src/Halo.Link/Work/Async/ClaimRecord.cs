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

    /// <summary>Changes the entry, in the journal and then here. A new report in it is what the API is to hear from then on: not before a restart would know it, too.</summary>
    /// <returns>Whether it is durable. Where it is not, the query goes on as if: a restart then knows less, never something wrong.</returns>
    public bool Update(Func<JournalEntry, JournalEntry> change)
    {
        lock (_lock)
        {
            var next = Changed(change);
            var saved = desk.TrySave(next.Entry);
            Become(next);
            return saved;
        }
    }

    /// <summary>Changes many, as <see cref="Update"/> does one, in one transaction.</summary>
    public static void UpdateAll(IEnumerable<(ClaimRecord Record, Func<JournalEntry, JournalEntry> Change)> changes, JournalWriter desk) =>
        ChangeAll(changes.Select(c => (c.Record, (Func<State>)(() => c.Record.Changed(c.Change)))), desk);

    /// <summary>Of each that still waits to be told, the same with less in it, in one transaction. What was replaced meanwhile stays as it is.</summary>
    public static void ReplaceAll(IEnumerable<(ClaimRecord Record, Report Told, Report Smaller)> reports, JournalWriter desk) =>
        ChangeAll(reports.Select(r => (r.Record, (Func<State>)(() => r.Record.Replaced(r.Told, r.Smaller)))), desk);

    /// <summary>What the API is to hear and the journal need not keep: the columns while rows come. Nothing once it has another report: a run that was left behind may come back.</summary>
    public void Await(Report report)
    {
        lock (_lock)
        {
            if (_entry.Phase == ClaimPhase.Executing)
                _pending = report;
        }
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

    State Changed(Func<JournalEntry, JournalEntry> change)
    {
        var next = change(_entry);
        return new(next, next.Report is { } report && !ReferenceEquals(report, _entry.Report) ? report : _pending);
    }

    State Replaced(Report told, Report smaller) =>
        Pending != told ? new(_entry, _pending) : new(_entry.Report is null ? _entry : _entry with { Report = smaller }, smaller);

    void Become(State next)
    {
        Volatile.Write(ref _entry, next.Entry);
        Volatile.Write(ref _pending, next.Pending);
    }

    static void ChangeAll(IEnumerable<(ClaimRecord Record, Func<State> Change)> changes, JournalWriter desk)
    {
        List<(ClaimRecord Record, State Next)> locked = [];
        try
        {
            foreach (var (record, change) in changes)
            {
                // Until it is written: what another writes of one of them comes after this, here and in the journal.
                record._lock.Enter();
                locked.Add((record, new(record._entry, record._pending)));
                locked[^1] = (record, change());
            }
            JournalEntry[] entries = [.. locked.Where(c => !ReferenceEquals(c.Next.Entry, c.Record._entry)).Select(c => c.Next.Entry)];
            if (entries.Length > 0)
                desk.TrySave(entries);
            foreach (var (record, next) in locked)
                record.Become(next);
        }
        finally
        {
            foreach (var (record, _) in locked)
                record._lock.Exit();
        }
    }

    readonly record struct State(JournalEntry Entry, Report? Pending);
}

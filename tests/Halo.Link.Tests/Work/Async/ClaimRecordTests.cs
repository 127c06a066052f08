using Halo.Contracts.Queries;
using Halo.Link.Files;
using Halo.Link.Journal;
using Halo.Link.Work.Async;
using Halo.LinkProtocol.Messages;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;

namespace Halo.Link.Tests.Work.Async;

public sealed class ClaimRecordTests : IDisposable
{
    readonly TemporaryFolder _folder = new();
    readonly ClaimJournal _journal;
    readonly JournalWriter _desk;

    public ClaimRecordTests()
    {
        _journal = ClaimJournal.Open(_folder.Path, LocalKey.Open(_folder.Path), TimeProvider.System);
        _desk = new(_journal, NullLogger.Instance);
    }

    public void Dispose()
    {
        _journal.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void An_acknowledgement_that_comes_as_the_next_report_is_made_does_not_take_that_one_with_it()
    {
        const int Rounds = 500_000;
        var (record, entry) = New(ClaimPhase.Executing);
        var reading = Of(entry, ReportKind.Reading);
        var next = Of(entry, ReportKind.Uploading);
        var (begun, done, lost) = (0, 0, 0);
        var acknowledging = new Thread(() =>
        {
            for (var round = 1; round <= Rounds; round++)
            {
                SpinUntil(() => Volatile.Read(ref begun) == round);
                record.Acknowledged(ReportKind.Reading);
                Volatile.Write(ref done, round);
            }
        });
        acknowledging.Start();
        for (var round = 1; round <= Rounds; round++)
        {
            record.Await(reading);
            Volatile.Write(ref begun, round);
            Thread.SpinWait(round % 16);
            record.Await(next);
            SpinUntil(() => Volatile.Read(ref done) == round);
            lost += record.Pending is null ? 1 : 0;
        }
        acknowledging.Join();
        Assert.Equal(0, lost);
    }

    [Fact]
    public void A_report_waits_from_the_moment_in_which_it_stands_in_the_entry_and_outlasts_the_word_on_the_one_before()
    {
        var (record, entry) = New(ClaimPhase.Executing);
        record.Update(e => e with { Phase = ClaimPhase.Uploading, Report = Of(entry, ReportKind.Uploading) });
        Assert.Equal(ReportKind.Uploading, record.Pending?.Kind);

        record.Update(e => e with { Phase = ClaimPhase.Ended, Report = Of(entry, ReportKind.Complete) });
        record.Acknowledged(ReportKind.Uploading);

        Assert.Equal(ReportKind.Complete, record.Pending?.Kind);
        Assert.Equal(ReportKind.Complete, _journal.Find(entry.QueryId)?.Report?.Kind);
    }

    [Fact]
    public void A_change_without_a_new_report_makes_none_wait_again()
    {
        var (record, entry) = New(ClaimPhase.Executing);
        record.Update(e => e with { Phase = ClaimPhase.Uploading, Report = Of(entry, ReportKind.Uploading) });
        record.Acknowledged(ReportKind.Uploading);

        record.Update(e => e with { ClaimId = Guid.NewGuid(), Number = 2 });

        Assert.Null(record.Pending);
    }

    [Fact]
    public void A_smaller_report_replaces_the_one_it_was_made_of()
    {
        var (record, entry) = New(ClaimPhase.Executing);
        record.Update(e => e with { Phase = ClaimPhase.Ended, Report = Of(entry, ReportKind.Complete) });
        var told = record.Pending!;

        ClaimRecord.ReplaceAll([(record, told, told with { Executed = Executed.Yes })], _desk);

        Assert.Equal(Executed.Yes, record.Pending?.Executed);
        Assert.Equal(Executed.Yes, _journal.Find(entry.QueryId)?.Report?.Executed);
    }

    [Fact]
    public void A_smaller_report_replaces_none_that_was_made_meanwhile_and_none_that_was_acknowledged()
    {
        var (record, entry) = New(ClaimPhase.Executing);
        record.Update(e => e with { Phase = ClaimPhase.Uploading, Report = Of(entry, ReportKind.Uploading) });
        var told = record.Pending!;
        record.Update(e => e with { Phase = ClaimPhase.Ended, Report = Of(entry, ReportKind.Complete) });

        ClaimRecord.ReplaceAll([(record, told, told with { Executed = Executed.Yes })], _desk);

        Assert.Equal(ReportKind.Complete, record.Pending?.Kind);
        Assert.Equal((ClaimPhase.Ended, ReportKind.Complete), (record.Entry.Phase, record.Entry.Report!.Kind));
        Assert.Equal(ReportKind.Complete, _journal.Find(entry.QueryId)?.Report?.Kind);

        told = record.Pending!;
        record.Acknowledged(ReportKind.Complete);
        ClaimRecord.ReplaceAll([(record, told, told with { Executed = Executed.Yes })], _desk);
        Assert.Null(record.Pending);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_report_waits_to_be_told_only_once_it_stands_in_the_journal(bool many)
    {
        var (record, entry) = New(ClaimPhase.Executing);
        record.Await(Of(entry, ReportKind.Reading));
        var writing = new Thread(() =>
        {
            if (many)
                ClaimRecord.UpdateAll([(record, End)], _desk);
            else
                record.Update(End);
        });
        using (var other = new SqliteConnection($"Data Source={Path.Combine(_folder.Path, ClaimJournal.FileName)};Pooling=False"))
        {
            other.Open();
            using var held = other.BeginTransaction();
            writing.Start();
            // It waits for the file: the driver sleeps between two tries.
            SpinUntil(() => writing.ThreadState.HasFlag(ThreadState.WaitSleepJoin));
            Assert.Equal((ReportKind.Reading, ClaimPhase.Executing), (record.Pending?.Kind, record.Entry.Phase));
        }
        writing.Join();
        Assert.Equal(ReportKind.Complete, record.Pending?.Kind);
        Assert.Equal(ReportKind.Complete, _journal.Find(entry.QueryId)?.Report?.Kind);

        JournalEntry End(JournalEntry e) => e with { Phase = ClaimPhase.Ended, Report = Of(e, ReportKind.Complete) };
    }

    [Fact]
    public void A_run_that_was_left_behind_and_comes_back_does_not_take_the_last_reports_place()
    {
        var (record, entry) = New(ClaimPhase.Executing);
        record.Update(e => e with { Phase = ClaimPhase.Ended, Report = Of(entry, ReportKind.Cancelled) });

        record.Await(Of(entry, ReportKind.Reading));

        Assert.Equal(ReportKind.Cancelled, record.Pending?.Kind);
    }

    (ClaimRecord Record, JournalEntry Entry) New(ClaimPhase phase)
    {
        var entry = new JournalEntry(Guid.CreateVersion7(), Guid.NewGuid(), 1, Guid.NewGuid(), Guid.NewGuid(), phase) { Begun = true };
        Assert.True(_desk.TrySave(entry));
        return (new(entry, _desk), entry);
    }

    static void SpinUntil(Func<bool> reached)
    {
        var spin = new SpinWait();
        while (!reached())
            spin.SpinOnce(sleep1Threshold: -1);
    }

    static Report Of(JournalEntry entry, ReportKind kind) => new(entry.ClaimId, kind);
}

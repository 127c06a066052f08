using System.Text;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Files;
using Halo.Link.Journal;
using Halo.Link.Settings;
using Halo.Link.Tests.Work.Async;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Microsoft.Data.Sqlite;

namespace Halo.Link.Tests.Journal;

public sealed class ClaimJournalTests : IDisposable
{
    readonly TemporaryFolder _folder = new();
    readonly ManualTime _time = new();

    public void Dispose() => _folder.Dispose();

    ClaimJournal Open(TemporaryFolder? folder = null)
    {
        var path = (folder ?? _folder).Path;
        return ClaimJournal.Open(path, LocalKey.Open(path), _time);
    }

    static JournalEntry Entry(long number, ClaimPhase phase = ClaimPhase.Claimed) =>
        new(Guid.NewGuid(), Guid.NewGuid(), number, Guid.NewGuid(), Guid.NewGuid(), phase) { Begun = phase != ClaimPhase.Claimed };

    static Report Secret => new(Guid.NewGuid(), ReportKind.Failed)
    {
        Executed = Executed.Yes,
        Error = new(ErrorTypes.Sqlite, 1, "no such patient: Quetzalcoatl"),
        Parameters = [new OutputParameter("@name", ParameterDirection.Output, SqlType.NVarChar, "Quetzalcoatl", null)],
    };

    [Fact]
    public void What_was_saved_is_there_after_a_kill_whatever_the_phase()
    {
        using var journal = Open();
        var entries = Enum.GetValues<ClaimPhase>().Select((phase, i) => Entry(i + 1, phase) with
        {
            UploadDeadline = phase == ClaimPhase.Uploading ? 12345 : null,
            Report = phase is ClaimPhase.Uploading or ClaimPhase.Ended ? Secret : null,
        }).ToArray();
        foreach (var entry in entries)
        {
            journal.Save(entry);
            using var killed = _folder.CopyAsKilled();
            using var after = Open(killed);
            Assert.Equivalent(entry, after.Find(entry.QueryId), strict: true);
            Assert.Equal(entry.Number, after.LastClaimNumber);
        }
        Assert.Equivalent(entries, journal.ReadHeld(), strict: true);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4096)]
    public void A_damaged_journal_is_refused_with_what_to_do(int from)
    {
        var file = Path.Combine(_folder.Path, ClaimJournal.FileName);
        using (var journal = Open())
            journal.Save([.. Enumerable.Range(1, 200).Select(i => Entry(i))]);
        var bytes = File.ReadAllBytes(file);
        Assert.True(bytes.Length > from);
        new Random(7).NextBytes(bytes.AsSpan(from));
        File.WriteAllBytes(file, bytes);
        var fault = Assert.Single(Assert.Throws<SettingsException>(() => Open()).Faults);
        Assert.Contains("journal.db is damaged: remove it", fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', fault.Message);
        Assert.Equal(bytes, File.ReadAllBytes(file));
        File.Delete(file);
        Open().Dispose();
    }

    [Fact]
    public void It_is_its_owners_alone_with_all_that_stands_beside_it()
    {
        using var journal = Open();
        journal.Save(Entry(1));
        var files = Directory.GetFiles(_folder.Path, ClaimJournal.FileName + "*");
        Assert.Equal(3, files.Length);
        TemporaryFolder.AssertOwnersAlone(files);
    }

    [Fact]
    public void It_is_written_ahead_and_synced_in_full()
    {
        using var journal = Open();
        journal.Save(Entry(1));
        using var other = new SqliteConnection($"Data Source={Path.Combine(_folder.Path, ClaimJournal.FileName)};Pooling=False;Mode=ReadOnly");
        other.Open();
        using var command = other.CreateCommand();
        command.CommandText = "PRAGMA journal_mode";
        Assert.Equal("wal", command.ExecuteScalar());
        Assert.Equal((long)2, journal.Synchronous);
    }

    [Fact]
    public void The_highest_claim_number_outlives_its_claim()
    {
        using (var journal = Open())
        {
            var entry = Entry(7);
            journal.Save(entry);
            journal.Save(Entry(3));
            journal.Settle([entry with { Begun = false }]);
            Assert.Null(journal.Find(entry.QueryId));
        }
        using var again = Open();
        Assert.Equal(7, again.LastClaimNumber);
    }

    [Fact]
    public void A_begun_query_is_never_forgotten_as_if_it_had_not_begun()
    {
        using var journal = Open();
        var entry = Entry(1, ClaimPhase.Executing);
        journal.Save(entry);
        journal.Settle([entry with { Begun = false }]);
        Assert.NotNull(journal.Find(entry.QueryId));
    }

    [Fact]
    public void A_begun_query_is_remembered_for_24_hours_of_running_whatever_the_wall_clock_does()
    {
        using var journal = Open();
        var entry = Entry(1, ClaimPhase.Ended) with { Held = false };
        journal.Save(entry);
        _time.JumpWallClock(TimeSpan.FromDays(3650));
        journal.Save(Entry(2));
        Assert.NotNull(journal.Find(entry.QueryId));
        _time.Advance(TimeSpan.FromHours(23.9));
        _time.JumpWallClock(TimeSpan.FromDays(-7300));
        journal.Save(Entry(3));
        Assert.NotNull(journal.Find(entry.QueryId));
        _time.Advance(TimeSpan.FromHours(0.2));
        journal.Save(Entry(4));
        Assert.Null(journal.Find(entry.QueryId));
    }

    [Fact]
    public void What_the_API_has_not_settled_is_never_forgotten()
    {
        using var journal = Open();
        var entry = Entry(1, ClaimPhase.Ended);
        journal.Save(entry);
        _time.Advance(TimeSpan.FromDays(30));
        journal.Save(Entry(2));
        Assert.NotNull(journal.Find(entry.QueryId));
    }

    [Fact]
    public void Running_time_goes_on_where_the_last_run_wrote_it()
    {
        using (var journal = Open())
        {
            _time.Advance(TimeSpan.FromMinutes(90));
            journal.Save(Entry(1));
        }
        _time.JumpWallClock(TimeSpan.FromDays(-1));
        using var again = Open();
        Assert.Equal(TimeSpan.FromMinutes(90), again.Uptime);
    }

    [Fact]
    public void Errors_and_outputs_stand_nowhere_in_plain_text()
    {
        using var journal = Open();
        journal.Save(Entry(1, ClaimPhase.Ended) with { Report = Secret });
        using var killed = _folder.CopyAsKilled();
        foreach (var file in Directory.GetFiles(killed.Path))
            Assert.DoesNotContain("Quetzalcoatl", Encoding.Latin1.GetString(File.ReadAllBytes(file)), StringComparison.Ordinal);
    }

    [Fact]
    public void With_a_lost_key_the_phase_is_known_and_the_report_is_not()
    {
        var entry = Entry(1, ClaimPhase.Ended) with { Report = Secret };
        using (var journal = Open())
            journal.Save(entry);
        File.Delete(Path.Combine(_folder.Path, LocalKey.FileName));
        using var again = Open();
        Assert.Equivalent(entry with { Report = null }, again.Find(entry.QueryId), strict: true);
    }

    [Fact]
    public void A_report_moved_to_another_entry_does_not_open()
    {
        var (mine, other) = (Entry(1, ClaimPhase.Ended) with { Report = Secret }, Entry(2, ClaimPhase.Ended));
        using (var journal = Open())
            journal.Save(mine, other);
        using (var connection = new SqliteConnection($"Data Source={Path.Combine(_folder.Path, ClaimJournal.FileName)};Pooling=False"))
        {
            connection.Open();
            using var swap = connection.CreateCommand();
            swap.CommandText = "UPDATE claims SET report = (SELECT report FROM claims WHERE number = 1) WHERE number = 2";
            swap.ExecuteNonQuery();
        }
        using var again = Open();
        Assert.NotNull(again.Find(mine.QueryId)!.Report);
        Assert.Null(again.Find(other.QueryId)!.Report);
    }

    [Fact]
    public void A_journal_that_cannot_be_written_says_so_and_keeps_what_it_had()
    {
        using var journal = Open();
        journal.Save(Entry(1));
        using var blocker = new SqliteConnection($"Data Source={Path.Combine(_folder.Path, ClaimJournal.FileName)};Pooling=False");
        blocker.Open();
        using var block = blocker.CreateCommand();
        block.CommandText = "CREATE TRIGGER refuse BEFORE INSERT ON claims BEGIN SELECT RAISE(ABORT, 'no'); END";
        block.ExecuteNonQuery();
        Assert.Throws<SqliteException>(() => journal.Save(Entry(2)));
        Assert.Equal(1, journal.LastClaimNumber);
        Assert.Single(journal.ReadHeld());
    }
}

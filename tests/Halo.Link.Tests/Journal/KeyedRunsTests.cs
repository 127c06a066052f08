using Halo.Contracts.Queries;
using Halo.Link.Files;
using Halo.Link.Journal;
using Halo.Link.Tests.Work.Async;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Microsoft.Data.Sqlite;

namespace Halo.Link.Tests.Journal;

public sealed class KeyedRunsTests : IDisposable
{
    readonly TemporaryFolder _folder = new();
    readonly ManualTime _time = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_taken_key_survives_a_kill_and_says_what_is_known()
    {
        using var journal = Open(_folder);
        var (key, first) = (Key("a"), Guid.NewGuid());
        Assert.Null(journal.TakeKey(key, first));
        AssertAfterKill(Executed.Unknown);
        journal.SettleKey(key, first, Executed.Unknown);
        AssertAfterKill(Executed.Unknown);
        journal.SettleKey(key, Guid.NewGuid(), Executed.No);
        AssertAfterKill(Executed.Unknown);
        journal.SettleKey(key, first, Executed.Yes);
        AssertAfterKill(Executed.Yes);

        void AssertAfterKill(Executed known)
        {
            using var killed = _folder.CopyAsKilled();
            using var after = Open(killed);
            Assert.Equal(known, after.TakeKey(key, Guid.NewGuid()));
            // The same query, as a claim that was given back, is no other.
            Assert.Null(after.TakeKey(key, first));
        }
    }

    [Fact]
    public void What_did_not_run_frees_its_key()
    {
        using var journal = Open(_folder);
        var (key, first) = (Key("a"), Guid.NewGuid());
        journal.TakeKey(key, first);
        journal.SettleKey(key, first, Executed.No);
        Assert.Null(journal.TakeKey(key, Guid.NewGuid()));
    }

    [Fact]
    public void Keys_are_kept_for_24_hours_of_running_and_go_when_others_come()
    {
        using var journal = Open(_folder);
        for (var i = 0; i < 250; i++)
            journal.TakeKey(Key($"old {i}"), Guid.NewGuid());
        _time.Advance(TimeSpan.FromHours(24));
        Assert.NotNull(journal.TakeKey(Key("old 0"), Guid.NewGuid()));
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Null(journal.TakeKey(Key("old 249"), Guid.NewGuid()));
        for (var i = 0; i < 3; i++)
            journal.TakeKey(Key($"new {i}"), Guid.NewGuid());
        using var connection = new SqliteConnection($"Data Source={Path.Combine(_folder.Path, ClaimJournal.FileName)};Pooling=False");
        connection.Open();
        using var command = new SqliteCommand("SELECT COUNT(*) FROM keyed_runs", connection);
        Assert.Equal(4L, command.ExecuteScalar());
    }

    [Fact]
    public void A_journal_of_an_earlier_version_gets_what_is_missing()
    {
        Open(_folder).Dispose();
        using (var connection = new SqliteConnection($"Data Source={Path.Combine(_folder.Path, ClaimJournal.FileName)};Pooling=False"))
        {
            connection.Open();
            using var command = new SqliteCommand("DROP TABLE keyed_runs", connection);
            command.ExecuteNonQuery();
        }
        using var journal = Open(_folder);
        Assert.Null(journal.TakeKey(Key("a"), Guid.NewGuid()));
    }

    static byte[] Key(string key) => KeyHash.Of(Guid.Empty, key);

    ClaimJournal Open(TemporaryFolder folder) => ClaimJournal.Open(folder.Path, LocalKey.Open(folder.Path), _time);
}

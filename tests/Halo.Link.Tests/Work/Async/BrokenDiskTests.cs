using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Journal;
using Halo.Link.Pages;
using Halo.Link.Work.Async;
using Halo.LinkProtocol.Messages;
using Microsoft.Data.Sqlite;
using static Halo.Link.Tests.Work.Async.LinkUnderTest;

namespace Halo.Link.Tests.Work.Async;

/// <summary>What becomes of claims when the Link's own files fail under it.</summary>
public sealed class BrokenDiskTests : AsyncTests
{
    [Theory]
    [InlineData("ALTER TABLE claims RENAME TO gone")]
    [InlineData("CREATE TRIGGER full BEFORE INSERT ON claims BEGIN SELECT RAISE(ABORT, 'disk full'); END")]
    public async Task Claims_that_a_broken_journal_cannot_take_are_held_and_told_as_not_executed(string damage)
    {
        Damage(damage);
        await ConnectAsync();
        await Until(() => Api.Asked.Count == 1);
        Claim[] claims = [NewClaim(1), NewClaim(2)];
        Link.Queries.OnClaims([.. claims.Select(c => new ArrivedClaim(c, true))]);
        foreach (var claim in claims)
        {
            var failed = await Api.NextAsync(ReportKind.Failed, claim.QueryId);
            Assert.Equal((claim.ClaimId, Executed.No, FailureCodes.LinkError), (failed.ClaimId, failed.Executed, failed.Error!.Code));
        }
        Assert.Empty(Link.Given);
    }

    [Theory]
    [InlineData("ALTER TABLE claims RENAME TO gone")]
    [InlineData("CREATE TRIGGER full BEFORE INSERT ON claims BEGIN SELECT RAISE(ABORT, 'disk full'); END")]
    public async Task A_broken_journal_does_not_keep_the_Link_from_connecting(string damage)
    {
        Damage(damage);
        var claim = NewClaim(1);
        Link.Queries.OnClaims([new ArrivedClaim(claim, true)]);
        Assert.Equal(claim.ClaimId, Assert.Single(await ConnectAsync()).ClaimId);
        Assert.Equal(Executed.No, (await Api.NextAsync(ReportKind.Failed, claim.QueryId)).Executed);
        await Until(() => Link.Held.Count == 0);
    }

    [Fact]
    public async Task A_claim_is_executed_again_as_soon_as_the_journal_is_well()
    {
        Damage("ALTER TABLE claims RENAME TO gone");
        Wait(NewClaim(1));
        await ConnectAsync();
        await Api.NextAsync(ReportKind.Failed);
        Damage("ALTER TABLE gone RENAME TO claims");
        Wait(NewClaim(2));
        await Api.TellOfWorkAsync();
        await Api.NextAsync(ReportKind.Complete);
    }

    [Fact]
    public async Task A_page_that_cannot_be_synced_ends_the_query_as_executed_and_lost()
    {
        Api.OnPage = (http, _, _) => Task.Delay(Timeout.Infinite, http.RequestAborted).ContinueWith<int?>(_ => 503, TaskScheduler.Default);
        Link.Database = async (claim, sink, cancel) =>
        {
            var result = await GiveRowsAsync(sink, 30, cancel);
            await Until(() => !Api.Puts.IsEmpty);
            // Nothing can open a folder as a file.
            var last = Directory.GetFiles(Path.Combine(Folder.Path, Spool.FolderName, claim.QueryId.ToString("N")), "*" + Spool.Waiting).Max()!;
            File.Delete(last);
            Directory.CreateDirectory(last);
            return result;
        };
        var claim = Wait(NewClaim(1));
        await ConnectAsync();
        var failed = await Api.NextAsync(ReportKind.UploadFailed, claim.QueryId);
        Assert.Equal((Executed.Yes, FailureCodes.PageLost), (failed.Executed, failed.Error!.Code));
        await Until(() => Link.Spool.UsedBytes == 0);
    }

    void Damage(string sql)
    {
        using var other = new SqliteConnection($"Data Source={Path.Combine(Folder.Path, ClaimJournal.FileName)};Pooling=False");
        other.Open();
        using var command = other.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}

using Halo.Contracts.Queries;
using Halo.Link.Work.Async;
using Halo.LinkProtocol.Messages;
using static Halo.Link.Tests.Work.Async.LinkUnderTest;

namespace Halo.Link.Tests.Work.Async;

/// <summary>As many claims as a Link takes, whatever becomes of them at once: each commit is a sync of the practice's disk, so there are few for all.</summary>
public sealed class ManyClaimsTests : AsyncTests
{
    const int Many = 1000;

    /// <summary>For those that run meanwhile, and for groups of what the loop finds to do.</summary>
    const int FewCommits = 40;

    [Fact]
    public async Task Claims_that_wait_are_handed_back_together_when_the_Link_stops()
    {
        await HoldAsync(NewClaims());
        var before = Link.Journal.Commits;
        await Link.Queries.StopAsync(CancellationToken.None);
        Assert.InRange(Link.Journal.Commits - before, 1, FewCommits);
        Assert.Equal(Many - 2, Link.Journal.ReadHeld().Count(e => e.Phase == ClaimPhase.HandedBack));
        await ConnectAsync();
        await Until(() => Link.Held.Count == 0 && Link.Journal.ReadHeld().Count == 0);
        Assert.InRange(Link.Journal.Commits - before, 1, 2 * FewCommits);
    }

    [Fact]
    public async Task Claims_of_a_run_that_died_are_settled_together_at_the_next_start()
    {
        await HoldAsync(NewClaims());
        using var left = Folder.CopyAsKilled();
        await using var next = new LinkUnderTest(left, Api);
        await next.Queries.SettleAsync();
        Assert.InRange(next.Journal.Commits, 1, FewCommits);
        Assert.All(next.Journal.ReadHeld(), e => Assert.Equal(ClaimPhase.Ended, e.Phase));
        Assert.Equal(Many - 2, next.Journal.ReadHeld().Count(e => e.Report!.Executed == Executed.No));
    }

    [Fact]
    public async Task Claims_that_cannot_run_end_with_the_transaction_that_takes_them()
    {
        var before = Link.Journal.Commits;
        Link.Queries.OnClaims([.. NewClaims().Select((c, i) => new ArrivedClaim(i % 2 == 0 ? c with { UploadLimitMs = -1 } : c, Readable: i % 2 == 0))]);
        await Until(() => Link.Held.Count(c => c.Phase == ClaimPhase.Ended) == Many);
        Assert.InRange(Link.Journal.Commits - before, 1, FewCommits);
        Assert.Empty(Link.Given);
        Assert.Equal(Many, Link.Journal.ReadHeld().Count(e => e.Report!.Executed == Executed.No));
    }

    [Fact]
    public async Task Reports_that_ended_a_session_are_made_smaller_together_and_once()
    {
        Link.Queries.OnClaims([.. NewClaims().Select(c => new ArrivedClaim(c with { UploadLimitMs = -1 }, true))]);
        await Until(() => Link.Held.Count(c => c.Phase == ClaimPhase.Ended) == Many);
        var before = Link.Journal.Commits;
        Link.Queries.OnRejected();
        await Until(() => Link.Journal.ReadHeld().All(e => e.Report!.Error!.ErrorMessage.Contains("could not be told")));
        var once = Link.Journal.Commits;
        Assert.InRange(once - before, 1, 2);
        for (var i = 0; i < 100; i++)
            Link.Queries.OnRejected();
        await Link.Queries.StopAsync(CancellationToken.None);
        Assert.Equal(once, Link.Journal.Commits);
    }

    static Claim[] NewClaims() => [.. Enumerable.Range(1, Many).Select(i => NewClaim(i))];

    /// <summary>Two of them in the database, the others waiting.</summary>
    async Task HoldAsync(Claim[] claims)
    {
        Link.Database = Hanging(Executed.No);
        Link.Queries.OnClaims([.. claims.Select(c => new ArrivedClaim(c, true))]);
        await Until(() => Link.Given.Count == 2);
    }
}

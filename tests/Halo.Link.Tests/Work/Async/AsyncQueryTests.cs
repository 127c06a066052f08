using Halo.Contracts.Queries;
using Halo.Link.Files;
using Halo.Link.Journal;
using Halo.Link.Pages;
using Halo.Link.Tests.Pages;
using Halo.Link.Work.Async;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.Logging.Abstractions;

namespace Halo.Link.Tests.Work.Async;

public sealed class AsyncQueryTests : IDisposable
{
    readonly TemporaryFolder _folder = new();
    readonly LocalKey _key;
    readonly ClaimJournal _journal;
    readonly JournalWriter _desk;
    readonly Spool _spool;
    AsyncQueryContext _tools = null!;

    public AsyncQueryTests()
    {
        _key = LocalKey.Open(_folder.Path);
        _journal = ClaimJournal.Open(_folder.Path, _key, TimeProvider.System);
        _desk = new(_journal, NullLogger.Instance);
        _spool = new(_folder.Path, _key, new(), TimeProvider.System);
    }

    public void Dispose()
    {
        _journal.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(StopReason.LinkStopping, ReportKind.HandBack)]
    [InlineData(StopReason.Asked, ReportKind.Cancelled)]
    public async Task What_is_stopped_while_its_database_is_looked_at_has_not_begun(object reason, ReportKind told)
    {
        var looking = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var query = New(async stop =>
        {
            looking.SetResult();
            // As an attempt to connect that is given up.
            await Task.Delay(Timeout.Infinite, stop).ContinueWith(_ => { }, TaskScheduler.Default);
            return true;
        });
        var executing = query.ExecuteAsync();
        await looking.Task;
        query.Stop((StopReason)reason);
        await executing;
        Assert.Equal((told, Executed.No, false), (query.Pending?.Kind, query.Pending?.Executed, query.Entry.Begun));
    }

    /// <summary>Told that it is handed back, the API may give it out again at once, to this Link as to any.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_is_handed_back_leaves_the_pages_of_its_next_claim_alone(bool many)
    {
        AsyncQuery query = null!;
        query = New(_ => Task.FromResult(false), told: () => TestRows.WriteAsync(_spool, query.Id, 100, ["{\"v\":1}"]).GetAwaiter().GetResult().Sink.DisposeAsync().AsTask().Wait());
        if (many)
            AsyncQuery.EndAll([(query, Reports.HandedBack)], _tools);
        else
            await query.ExecuteAsync();
        Assert.Equal(ReportKind.HandBack, query.Pending?.Kind);
        Assert.Equal([(1, false)], _spool.Pages(query.Id));
    }

    AsyncQuery New(Func<CancellationToken, Task<bool>> isReachable, Action? told = null)
    {
        var claim = LinkUnderTest.NewClaim(1);
        var entry = new JournalEntry(claim.QueryId, claim.ClaimId, claim.Number, claim.SiteId, claim.IntegratorId, ClaimPhase.Claimed);
        Assert.True(_desk.TrySave(entry));
        var commands = new ScriptedCommands
        {
            Execute = (_, _, _) => throw new InvalidOperationException("It must not reach the database."),
            IsReachable = isReachable,
        };
        _tools = new(_journal, _desk, _spool, null!, commands, TimeProvider.System, NullLogger.Instance, _ => told?.Invoke(), _ => { });
        return new(entry, claim, _tools);
    }
}

using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.Link.Sites;
using Halo.Link.Tests.Engines;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using static Halo.Link.Tests.Work.Async.LinkUnderTest;

namespace Halo.Link.Tests.Work.Async;

/// <summary>Async queries of a site whose database is away stay in the queue at the API, and run as soon as it is back.</summary>
public sealed class AsyncAvailabilityTests : IAsyncLifetime
{
    readonly TemporaryFolder _folder = new();
    readonly Guid _site = Guid.NewGuid();
    readonly Guid _otherSite = Guid.NewGuid();
    LocalSites _sites = null!;
    ApiStandIn _api = null!;
    LinkUnderTest _link = null!;

    public async ValueTask InitializeAsync()
    {
        _sites = new([Site(_site, "away.db"), Site(_otherSite, "here.db")]);
        await File.WriteAllBytesAsync(Path.Combine(_folder.Path, "here.db"), []);
        _api = await ApiStandIn.StartAsync();
        _link = new(_folder, _api, sites: _sites);
        _sites.AvailabilityChanged += (_, connector) =>
        {
            if (connector.Outage is null)
                _link.Queries.OnWorkAvailable();
        };
    }

    public async ValueTask DisposeAsync()
    {
        await _link.DisposeAsync();
        await _api.DisposeAsync();
        await _sites.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task The_first_that_finds_it_away_goes_back_unbegun_no_other_is_claimed_and_other_sites_go_on()
    {
        var waiting = Enumerable.Range(1, 3).Select(i => Wait(_site, i)).ToList();
        var others = Enumerable.Range(4, 3).Select(i => Wait(_otherSite, i)).ToList();
        await _api.ConnectAsync(_link.Queries, _link.Current);
        await Until(() => others.All(o => _link.Given.Contains(o.QueryId)));
        // Those that were claimed before it was known are back by now, and stay there.
        var handedBack = new List<Report>();
        await Until(() =>
        {
            handedBack.AddRange(_api.TakeReports().Where(r => r.Kind == ReportKind.HandBack));
            return handedBack.Count + _api.Waiting.Count >= 3;
        });
        Assert.All(handedBack, r => Assert.Equal(Executed.No, r.Executed));
        Assert.DoesNotContain(waiting, w => _link.Given.Contains(w.QueryId));

        foreach (var claim in waiting.Where(w => handedBack.Any(h => h.ClaimId == w.ClaimId)))
            _api.Waiting.Enqueue(claim with { ClaimId = Guid.NewGuid(), Number = claim.Number + 10 });
        await File.WriteAllBytesAsync(Path.Combine(_folder.Path, "away.db"), []);
        // Its own check finds it: nobody asks.
        await Until(() => waiting.All(w => _link.Given.Contains(w.QueryId)));
    }

    [Fact]
    public async Task While_no_database_can_be_had_nothing_is_asked_for()
    {
        File.Delete(Path.Combine(_folder.Path, "here.db"));
        foreach (var site in _sites.All)
            await Assert.ThrowsAsync<DatabaseUnavailableException>(site.Connector.CheckAsync);
        Wait(_site, 1);
        Wait(_otherSite, 2);
        await _api.ConnectAsync(_link.Queries, _link.Current);
        await _api.TellOfWorkAsync();
        await File.WriteAllBytesAsync(Path.Combine(_folder.Path, "here.db"), []);
        await Until(() => _link.Given.Count == 1);
        Assert.Single(_api.Waiting);
    }

    [Fact]
    public async Task An_older_API_that_does_not_heed_it_gets_them_back_unbegun()
    {
        _api.HeedsExceptSites = false;
        await Assert.ThrowsAsync<DatabaseUnavailableException>(_sites.All.Single(s => s.Id == _site).Connector.CheckAsync);
        var claim = Wait(_site, 1);
        await _api.ConnectAsync(_link.Queries, _link.Current);
        var report = await _api.NextAsync(ReportKind.HandBack, claim.QueryId);
        Assert.Equal(Executed.No, report.Executed);
        Assert.Empty(_link.Given);
    }

    /// <summary>An API that was restored from a backup can give out again what it had settled.</summary>
    [Fact]
    public async Task A_query_that_was_dropped_and_claimed_again_keeps_the_pages_of_its_second_claim()
    {
        await _link.DisposeAsync();
        await _sites.DisposeAsync();
        var (opens, held) = (0, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        _sites = new([Site(_site, "here.db", stop => Interlocked.Increment(ref opens) == 1 ? held.Task : Task.CompletedTask)]);
        _link = new(_folder, _api, sites: _sites);
        _api.OnPage = (_, _, _) => Task.FromResult<int?>(503);
        var claim = NewClaim(1) with { SiteId = _site };
        _api.Waiting.Enqueue(claim);
        await _api.ConnectAsync(_link.Queries, _link.Current);
        await Until(() => Volatile.Read(ref opens) == 1);
        _link.Queries.OnReportAck(claim.QueryId, new(claim.ClaimId, ReportKind.Reading, false, QueryStatus.Cancelled));
        await Until(() => _link.Held.Count == 0);
        var again = claim with { ClaimId = Guid.NewGuid(), Number = 2 };
        _api.Waiting.Enqueue(again);
        await _api.TellOfWorkAsync();
        await _api.NextAsync(ReportKind.Uploading);
        var pages = _link.Spool.Pages(claim.QueryId).Count;

        held.SetResult();
        await Until(() => _link.Queries.Executing == 0);
        // What the first has said is handled before what comes now.
        var last = Wait(_site, 3);
        await _api.TellOfWorkAsync();
        await _api.NextAsync(ReportKind.Complete, last.QueryId);
        Assert.Equal((pages, true), (_link.Spool.Pages(claim.QueryId).Count, pages > 0));
    }

    /// <summary>.NET's timers count by a coarser clock than timestamps: some milliseconds early is usual.</summary>
    [Fact]
    public async Task What_was_held_back_for_its_time_goes_back_also_where_its_timer_comes_early()
    {
        await _link.DisposeAsync();
        _link = new(_folder, _api, new EarlyTimers(), sites: _sites);
        _api.HeedsExceptSites = false;
        await Assert.ThrowsAsync<DatabaseUnavailableException>(_sites.All.Single(s => s.Id == _site).Connector.CheckAsync);
        var claim = Wait(_site, 1);
        await _api.ConnectAsync(_link.Queries, _link.Current);
        await _api.NextAsync(ReportKind.HandBack, claim.QueryId);
    }

    /// <summary>Its timestamps are a hundredth slow.</summary>
    sealed class EarlyTimers : TimeProvider
    {
        readonly long _start = System.GetTimestamp();

        public override long GetTimestamp() => _start + (System.GetTimestamp() - _start) * 99 / 100;
    }

    LocalSite Site(Guid id, string file, Func<CancellationToken, Task>? opening = null) => new(id, new()
    {
        Engine = EngineNames.Sqlite,
        ConnectionString = $"Data Source={Path.Combine(_folder.Path, file)}",
        PracticeManagementName = new("X", null),
        PracticeManagementSiteId = new("1", null),
        Catalogues = [new("main", null, true)],
    }, (engine, connection) => HeldEngine.Of(DatabaseEngines.Create(engine, connection, TimeProvider.System), held => held.Opening = opening ?? held.Opening));

    Claim Wait(Guid siteId, long number)
    {
        var claim = NewClaim(number, mode: ExecutionMode.NonQuery) with { SiteId = siteId };
        _api.Waiting.Enqueue(claim);
        return claim;
    }
}

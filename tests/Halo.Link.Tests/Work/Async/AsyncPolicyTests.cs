using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.Link.Settings;
using Halo.Link.Sites;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using static Halo.Link.Tests.Work.Async.LinkUnderTest;

namespace Halo.Link.Tests.Work.Async;

/// <summary>maxConcurrent and claims: what may not begin yet waits a little, goes back, and keeps nobody else from his slot.</summary>
public sealed class AsyncPolicyTests : IAsyncLifetime
{
    readonly TemporaryFolder _folder = new();
    readonly ManualTime _time = new();
    readonly Guid _siteId = Guid.NewGuid();
    readonly Guid _limited = Guid.NewGuid();
    readonly TaskCompletionSource _answer = new();
    LocalSites _sites = null!;
    ApiStandIn _api = null!;
    LinkUnderTest _link = null!;

    public async ValueTask InitializeAsync()
    {
        var file = Path.Combine(_folder.Path, "practice.db");
        await File.WriteAllBytesAsync(file, []);
        _sites = new([new LocalSite(_siteId, new()
        {
            Engine = EngineNames.Sqlite,
            ConnectionString = $"Data Source={file}",
            PracticeManagementName = new("X", null),
            PracticeManagementSiteId = new("1", null),
            Catalogues = [new("main", null, true)],
            Policy = new(new(), new Dictionary<Guid, PolicyRules> { [_limited] = new() { MaxConcurrent = 1 } }),
        }, (engine, connection) => DatabaseEngines.Create(engine, connection, _time))]);
        _api = await ApiStandIn.StartAsync();
        _link = new(_folder, _api, _time, sites: _sites)
        {
            Database = async (_, _, cancel) =>
            {
                await _answer.Task.WaitAsync(cancel);
                return new(Ending.Successful, Executed.Yes) { RowsAffected = 1 };
            },
        };
    }

    public async ValueTask DisposeAsync()
    {
        _answer.TrySetResult();
        await _link.DisposeAsync();
        await _api.DisposeAsync();
        await _sites.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_second_claim_of_the_integrator_begins_when_its_first_has_ended_and_others_go_by()
    {
        var first = Wait(_limited, 1);
        var second = Wait(_limited, 2);
        var other = Wait(Guid.NewGuid(), 3);
        await _api.ConnectAsync(_link.Queries, _link.Current);
        await Until(() => _link.Given.Count == 2);
        Assert.Equal(new HashSet<Guid> { first.QueryId, other.QueryId }, _link.Given.ToHashSet());
        _answer.SetResult();
        await Until(() => _link.Given.Contains(second.QueryId));
        Assert.Equal(3, _link.Given.Count);
    }

    [Fact]
    public async Task A_claim_that_waits_too_long_for_the_practice_goes_back_into_the_queue()
    {
        Wait(_limited, 1);
        var second = Wait(_limited, 2);
        await _api.ConnectAsync(_link.Queries, _link.Current);
        await Until(() => _link.Given.Count == 1 && _link.Held.Count == 2);
        await Until(() =>
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            return _api.TakeReports().Any(r => r.Kind == ReportKind.HandBack && r.ClaimId == second.ClaimId);
        });
        Assert.Single(_link.Given);
    }

    [Fact]
    public async Task An_immediate_query_counts_as_well()
    {
        Assert.True(_sites.Places.TryEnter(_siteId, _limited, 1));
        var claim = Wait(_limited, 1);
        await _api.ConnectAsync(_link.Queries, _link.Current);
        await Until(() => _link.Held.Count == 1);
        Assert.Empty(_link.Given);
        _sites.Places.Leave(_siteId, _limited);
        await Until(() => _link.Given.Contains(claim.QueryId));
    }

    Claim Wait(Guid integratorId, long number)
    {
        var claim = NewClaim(number, mode: ExecutionMode.NonQuery) with { SiteId = _siteId, IntegratorId = integratorId };
        _api.Waiting.Enqueue(claim);
        return claim;
    }
}

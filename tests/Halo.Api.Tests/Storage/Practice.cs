using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Contracts.Queries;

namespace Halo.Api.Tests.Storage;

/// <summary>A Link with a session, its site, and an integrator paired with it, as rows of the store.</summary>
sealed class Practice
{
    readonly TestStore _store;

    Practice(TestStore store) => _store = store;

    public Guid LinkId { get; private set; }
    public Guid SiteId { get; private set; }
    public Guid IntegratorId { get; private set; }
    public SessionReference Session { get; private set; } = new(default, default, default);

    public static async Task<Practice> CreateAsync(TestStore store)
    {
        var practice = new Practice(store);
        practice.LinkId = await practice.AddLinkAsync();
        practice.SiteId = await practice.AddSiteAsync(practice.LinkId);
        practice.IntegratorId = await practice.AddIntegratorAsync(practice.SiteId);
        await practice.ConnectAsync();
        return practice;
    }

    /// <summary>A new session of a new run that holds nothing.</summary>
    public async Task<SessionReference> ConnectAsync()
    {
        Session = new(LinkId, _store.NewId(), _store.NewId());
        await _store.Ledger.SettleHelloAsync(Session, [], 0, []);
        return Session;
    }

    public async Task<Guid> AddLinkAsync(Guid? linkId = null)
    {
        var id = linkId ?? _store.NewId();
        await _store.RunAsync(
            """
            INSERT INTO links (id, public_key_x, public_key_y, status, version, last_claim_number, closed_in_order, created_at, updated_at)
            VALUES (@id, 'x', 'y', 'enrolled', '26.1122.1', 0, @no, 0, 0)
            """,
            ("id", id), ("no", false));
        return id;
    }

    public async Task<Guid> AddSiteAsync(Guid linkId, bool authoritative = true)
    {
        var id = _store.NewId();
        await _store.RunAsync(
            """
            INSERT INTO sites (id, link_id, status, engine, pms_name, pms_id, catalogues, metadata, enriched_at, authoritative, authority_shared, confirmed, created_at, updated_at)
            VALUES (@id, @link, 'active', 'sqlite', 'Best Practice', '1', '[]', '{"pmsType":"bestpractice","practiceManagementSiteId":"1"}', 0, @authoritative, @shared, @yes, 0, 0)
            """,
            ("id", id), ("link", linkId), ("authoritative", authoritative), ("shared", false), ("yes", true));
        return id;
    }

    public async Task<Guid> AddIntegratorAsync(Guid siteId)
    {
        var id = _store.NewId();
        await _store.RunAsync("INSERT INTO integrators (id, name, enabled, created_at, updated_at) VALUES (@id, 'Booker', @yes, 0, 0)", ("id", id), ("yes", true));
        await _store.RunAsync("INSERT INTO pairings (integrator_id, site_id, paired_by, created_at) VALUES (@id, @site, 'operator', 0)", ("id", id), ("site", siteId));
        return id;
    }

    public NewQuery New(QueryMode mode = QueryMode.Async, Guid? integrator = null, int maxTimeInQueue = 3_600_000) => new()
    {
        Id = _store.NewId(),
        IntegratorId = integrator ?? IntegratorId,
        SiteId = SiteId,
        Mode = mode,
        CreatedAt = _store.Now,
        MaxTimeInQueue = maxTimeInQueue,
        ExecutionLimit = 60_000,
        CommandSize = 30,
        RequestSize = 40,
        SqlSize = 8,
        Tag = "nightly",
    };

    public async Task<NewQuery> AcceptAsync(Guid? integrator = null, int maxTimeInQueue = 3_600_000)
    {
        var query = New(QueryMode.Async, integrator, maxTimeInQueue);
        await _store.Ledger.AcceptAsync(query, new("SELECT 1"));
        return query;
    }

    public async Task<ClaimedQuery> AcceptAndClaimAsync()
    {
        var query = await AcceptAsync();
        return Assert.Single(await _store.Ledger.ClaimAsync(Session, 10), c => c.QueryId == query.Id);
    }

    public async Task<NewQuery> SendAsync(DateTimeOffset? deadline = null)
    {
        var query = New(QueryMode.Immediate);
        await _store.Ledger.RecordSentAsync(Sent(query, deadline));
        return query;
    }

    /// <summary>As it is sent now, over the present session.</summary>
    public SentQuery Sent(NewQuery query, DateTimeOffset? deadline = null) => new(query, Session, _store.Now, deadline ?? _store.Now.AddMinutes(2));

    public async Task<QueryRecord> FindAsync(Guid queryId) =>
        await _store.Ledger.FindAsync(IntegratorId, SiteId, queryId) ?? throw new InvalidOperationException("The query is not in the ledger.");

    public async Task<QueryStatus> StatusAsync(Guid queryId) => (await FindAsync(queryId)).Status;
}

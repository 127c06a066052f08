using Halo.Api.Ledger.Events;
using Halo.Api.Settings;
using Halo.Api.Storage;
using Halo.Contracts.Events;
using Halo.Contracts.Sites;

namespace Halo.Api.Sites.State;

/// <summary>Tells integrators that their sites are online, offline or unreachable, once that has lasted: what comes and goes is not told.</summary>
/// <remarks>
/// One timer, set to the first contact that has lasted long enough. What was told last is in the store, so that nothing is told twice. After a start, a site that
/// was last told to be online counts as lost until its Link is back, as for <see cref="Availability"/>: the service's own downtime is not held against it.
/// </remarks>
sealed partial class SiteStateWatch(Database database, SiteDirectory sites, EventSignals signals, ApiOptions options, TimeProvider time, ILogger<SiteStateWatch> log)
    : IHostedService, IAsyncDisposable
{
    /// <summary>Sites in one transaction.</summary>
    const int Step = 100;

    static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);

    const string Tell =
        """
        INSERT INTO site_states (site_id, state, since_at) VALUES (@site, @state, @since)
        ON CONFLICT (site_id) DO UPDATE SET state = excluded.state, since_at = excluded.since_at WHERE site_states.state <> excluded.state
        """;

    readonly Lock _lock = new();

    /// <summary>The latest contact of each site that is still to be judged.</summary>
    readonly Dictionary<Guid, Latest> _latest = [];

    /// <summary>Of all contacts, by when they have lasted, by the monotonic clock. Those that are not the latest any more are passed over.</summary>
    readonly PriorityQueue<(Guid SiteId, Latest Contact), long> _due = new();

    ITimer? _timer;
    Task _round = Task.CompletedTask;
    bool _isRunning;
    bool _isFailing;
    bool _isStopped;

    /// <summary>Reads what was told last, before anything is noted.</summary>
    public async Task LoadAsync()
    {
        var told = await database.ReadAsync(r => (Id: r.GetGuid(0), LeftInOrder: r.GetBoolean(1), Heard: r.TimeOrNull(2)),
            $"""
            SELECT t.site_id, l.closed_in_order, l.last_heard_at FROM site_states t JOIN sites s ON s.id = t.site_id JOIN links l ON l.id = s.link_id
            WHERE t.state = '{Word(SiteContact.Online)}'
            """);
        lock (_lock)
        {
            Add([.. told.Where(s => !s.LeftInOrder).Select(s => s.Id)], SiteContact.Lost, time.GetUtcNow());
            foreach (var site in told.Where(s => s.LeftInOrder))
                Add([site.Id], SiteContact.Offline, site.Heard ?? time.GetUtcNow());
        }
    }

    /// <summary>Watches from now on.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            _timer = time.CreateTimer(static me => ((SiteStateWatch)me!).Fire(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            SetTimer();
        }
        return Task.CompletedTask;
    }

    /// <summary>Stops, and waits for a step that is under way.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        Task round;
        lock (_lock)
        {
            _isStopped = true;
            round = _round;
        }
        if (_timer is not null)
            await _timer.DisposeAsync();
        await round.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public async ValueTask DisposeAsync()
    {
        _isStopped = true;
        if (_timer is not null)
            await _timer.DisposeAsync();
    }

    /// <summary>These sites were reached, said farewell, or were lost, now.</summary>
    public void Note(IReadOnlyCollection<Guid> siteIds, SiteContact contact)
    {
        lock (_lock)
            Add(siteIds, contact, time.GetUtcNow());
    }

    /// <summary>For tests: what it does in the background.</summary>
    internal Task Round
    {
        get
        {
            lock (_lock)
                return _round;
        }
    }

    /// <param name="at">When it was; what lasts is counted from now.</param>
    void Add(IReadOnlyCollection<Guid> siteIds, SiteContact contact, DateTimeOffset at)
    {
        var lasts = TimeSpan.FromSeconds(options.Events.SiteStateAfterSeconds);
        // Until then it counts as online, for everybody who asks.
        if (contact == SiteContact.Lost && options.Links.UnreachableAfter > lasts)
            lasts = options.Links.UnreachableAfter;
        var due = time.GetTimestamp() + (long)(lasts.TotalSeconds * time.TimestampFrequency);
        foreach (var id in siteIds)
        {
            var latest = _latest[id] = new(contact, at);
            _due.Enqueue((id, latest), due);
        }
        SetTimer();
    }

    void SetTimer()
    {
        if (_timer is null || _isRunning || _isStopped || !_due.TryPeek(out _, out var due))
            return;
        var wait = time.GetElapsedTime(time.GetTimestamp(), due) + TimeSpan.FromMilliseconds(1);
        _timer.Change(wait < TimeSpan.Zero ? TimeSpan.Zero : wait, Timeout.InfiniteTimeSpan);
    }

    void Fire()
    {
        lock (_lock)
        {
            if (_isStopped || _isRunning)
                return;
            _isRunning = true;
            _round = Task.Run(RoundAsync);
        }
    }

    async Task RoundAsync()
    {
        try
        {
            while (TakeDue() is { Count: > 0 } due)
                await TellAsync(due);
            if (_isFailing)
                LogRecovered();
            _isFailing = false;
        }
        catch (Exception e)
        {
            if (!_isFailing && !_isStopped)
                LogFailing(RetryAfter.TotalSeconds, e.GetType().Name);
            _isFailing = true;
        }
        lock (_lock)
        {
            _isRunning = false;
            SetTimer();
        }
    }

    /// <summary>What has lasted, some at once.</summary>
    List<(Guid SiteId, Latest Contact)> TakeDue()
    {
        var taken = new List<(Guid, Latest)>();
        lock (_lock)
        {
            while (!_isStopped && taken.Count < Step && _due.TryPeek(out var next, out var due) && due <= time.GetTimestamp())
            {
                _due.Dequeue();
                if (_latest.TryGetValue(next.SiteId, out var latest) && ReferenceEquals(latest, next.Contact))
                    taken.Add(next);
            }
        }
        return taken;
    }

    async Task TellAsync(List<(Guid SiteId, Latest Contact)> due)
    {
        try
        {
            var told = await database.WriteAsync(async t =>
            {
                var events = new List<NewEvent>();
                // One that was taken out for good is nobody's any more.
                foreach (var (id, contact) in due.Where(d => sites.Find(d.SiteId) is { Status: not SiteStatus.Removed }).OrderBy(d => d.SiteId))
                {
                    if (await t.RunAsync(Tell, ("site", id), ("state", Word(contact.What)), ("since", contact.At.Ms())) > 0)
                        events.AddRange(await EventLog.ForSiteAsync(t, id, TypeOf(contact.What), new() { Since = contact.At }));
                }
                await EventLog.AppendAsync(t, events, time.GetUtcNow().Ms());
                return events;
            });
            signals.Raise(told.Select(e => e.IntegratorId));
            lock (_lock)
            {
                foreach (var (id, contact) in due)
                {
                    if (_latest.TryGetValue(id, out var latest) && ReferenceEquals(latest, contact))
                        _latest.Remove(id);
                }
            }
        }
        catch
        {
            var again = time.GetTimestamp() + (long)(RetryAfter.TotalSeconds * time.TimestampFrequency);
            lock (_lock)
            {
                foreach (var one in due)
                    _due.Enqueue(one, again);
            }
            throw;
        }
    }

    static string Word(SiteContact contact) => contact switch
    {
        SiteContact.Online => "online",
        SiteContact.Offline => "offline",
        _ => "unreachable",
    };

    static string TypeOf(SiteContact contact) => contact switch
    {
        SiteContact.Online => EventTypes.SiteOnline,
        SiteContact.Offline => EventTypes.SiteOffline,
        _ => EventTypes.SiteUnreachable,
    };

    /// <summary>A contact, and when it was. Compared by reference: each is one of its own.</summary>
    sealed class Latest(SiteContact what, DateTimeOffset at)
    {
        public SiteContact What => what;

        public DateTimeOffset At => at;
    }

    [LoggerMessage(1244, LogLevel.Error, "The state of sites cannot be told ({Exception}); trying again every {Seconds} s until it works.")]
    partial void LogFailing(double seconds, string exception);

    [LoggerMessage(1245, LogLevel.Information, "The state of sites is told again.")]
    partial void LogRecovered();
}

using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.Connections;
using Halo.Link.Settings;
using Halo.LinkProtocol.Failures;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Sites;

/// <summary>Where a command goes: the database behind its catalogue, under the right login, and the practice's rules.</summary>
/// <param name="Connector">Connects to the database, with the integrator's own login where the practice gave it one.</param>
/// <param name="Database">Null: the connection string's own.</param>
/// <param name="Rules">The practice's rules for this integrator.</param>
/// <param name="Protection">How the site is to be treated.</param>
sealed record ExecutionTarget(DatabaseConnector Connector, string? Database, PolicyRules Rules, PracticeProtection Protection)
{
    /// <summary>What the practice lets a command do.</summary>
    public CommandAccess Access => PracticePolicy.AccessOf(Rules);
}

/// <summary>Makes a site as it is configured.</summary>
delegate LocalSite SiteFactory(Guid id, SiteSettings settings);

/// <summary>One site as this process serves it.</summary>
sealed class LocalSite : IAsyncDisposable
{
    readonly PracticePolicy _policy;
    readonly Dictionary<string, IDatabaseEngine> _engines;
    readonly Dictionary<(string ConnectionString, string? Database), DatabaseConnector> _connectors;
    bool _heldBack;

    /// <param name="time">What retries and outages are counted by; null: the system's.</param>
    /// <param name="logins">Of all sites of the Link; null: of this one alone.</param>
    public LocalSite(Guid id, SiteSettings settings, Func<string, string, IDatabaseEngine> createEngine, TimeProvider? time = null, LoginRefusals? logins = null)
    {
        (Id, Settings, _policy) = (id, settings, new(settings.Policy));
        time ??= TimeProvider.System;
        logins ??= new(time);
        _engines = ConnectionStrings(settings).Distinct(StringComparer.Ordinal)
            .ToDictionary(c => c, c => createEngine(settings.Engine, c), StringComparer.Ordinal);
        _connectors = (from c in _engines.Keys from database in settings.Catalogues.Select(d => d.Database).Append(null).Distinct() select (c, database))
            .ToDictionary(k => k, k => new DatabaseConnector(_engines[k.c], k.database, time, logins));
        foreach (var connector in _connectors.Values)
            connector.Changed += c => AvailabilityChanged?.Invoke(this, c);
        Connector = _connectors[(settings.ConnectionString, settings.Catalogues.First(c => c.IsDefault).Database)];
    }

    /// <summary>A database of the site, under one of its logins, cannot be had any more, or may be had again.</summary>
    public event Action<LocalSite, DatabaseConnector>? AvailabilityChanged;

    /// <summary>The Halo GUID.</summary>
    public Guid Id { get; }

    public SiteSettings Settings { get; }

    /// <summary>To the site's default database under its own login: while that cannot be had, nothing is claimed for the site.</summary>
    public DatabaseConnector Connector { get; }

    /// <summary>To the database that the connection string names, under the site's own login: where the practice's texts are read.</summary>
    public DatabaseConnector OwnConnector => _connectors[(Settings.ConnectionString, null)];

    /// <summary>The databases of its catalogues under the site's own login, each once, with their names behind the catalogues (null: the connection string's own).</summary>
    public IEnumerable<(DatabaseConnector Connector, string? Database)> OwnDatabases =>
        Settings.Catalogues.Select(c => c.Database).Distinct().Select(d => (_connectors[(Settings.ConnectionString, d)], d));

    /// <summary>All that there is to connect to, with what it is called in the settings; the default database under the site's own login first.</summary>
    public IEnumerable<(string What, DatabaseConnector Connector)> Connectors =>
        from c in _connectors
        orderby c.Value == Connector ? 0 : 1
        select (WhatIs(c.Key.ConnectionString, c.Key.Database), c.Value);

    /// <summary>What cannot be had now, with what it is called in the settings; empty: everything can.</summary>
    public IEnumerable<(string What, DatabaseOutage Outage)> Outages =>
        from c in _connectors
        where c.Value.Outage is not null
        orderby c.Value == Connector ? 0 : 1
        select (WhatIs(c.Key.ConnectionString, c.Key.Database), c.Value.Outage);

    /// <summary>The logins with which the rule <c>readOnly</c> cannot be kept, and why.</summary>
    public IEnumerable<(string What, string Words)> ReadOnlyFaults =>
        from c in _connectors
        where c.Value.ReadOnlyFault is not null
        select (WhatIs(c.Key.ConnectionString, c.Key.Database), c.Value.ReadOnlyFault);

    /// <summary>What a connector leads to, as people know it from the settings.</summary>
    public string WhatIs(DatabaseConnector connector) =>
        _connectors.First(c => c.Value == connector).Key is var (login, database) ? WhatIs(login, database) : "";

    /// <summary>
    /// Whether queries are kept from it: its settings name another database than the one that is known, and whose that is could not be
    /// read yet.
    /// </summary>
    public bool IsHeldBack => Volatile.Read(ref _heldBack);

    /// <summary>No query reaches it from now on.</summary>
    public void HoldBack() => Volatile.Write(ref _heldBack, true);

    /// <summary>It is known, and judged.</summary>
    public void LetThrough()
    {
        Volatile.Write(ref _heldBack, false);
        AvailabilityChanged?.Invoke(this, Connector);
    }

    /// <summary>Under the site's own login.</summary>
    public IDatabaseEngine Engine => _engines[Settings.ConnectionString];

    /// <summary>What of its protection its logins cannot be held to, and how to put that right.</summary>
    public IEnumerable<string> Warnings => _engines.Values.Select(e => e.BlockingGuardFault).OfType<string>().Distinct();

    /// <summary>Finds where a command goes, or says why it goes nowhere; one of the two is null.</summary>
    public (ExecutionTarget? Target, ExecutionResult? Refused) Resolve(string? catalogue, Guid integratorId, IEnumerable<QueryCommand> commands)
    {
        if (IsHeldBack)
            return (null, UnreadDatabase());
        var found = catalogue is null
            ? Settings.Catalogues.First(c => c.IsDefault)
            : Settings.Catalogues.FirstOrDefault(c => string.Equals(c.Name, catalogue, StringComparison.OrdinalIgnoreCase));
        if (found is null)
            return (null, UnknownCatalogue());
        var rules = _policy.RulesFor(integratorId);
        if (PracticePolicy.Refuse(rules, commands) is { } refused)
            return (null, refused);
        var login = rules.ConnectionString ?? Settings.ConnectionString;
        return (new(_connectors[(login, found.Database)], found.Database, rules, Settings.Protection), null);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var connector in _connectors.Values)
            connector.Dispose();
        foreach (var engine in _engines.Values)
            await engine.DisposeAsync();
    }

    string WhatIs(string login, string? database) =>
        (login == Settings.ConnectionString ? "its database" : "its database under an integrator's own login")
        + (Settings.Catalogues.FirstOrDefault(c => c.Database == database) is { IsDefault: false } further ? $" (catalogue {further.Name})" : "");

    ExecutionResult UnknownCatalogue() => new(Ending.Failed, Executed.No)
    {
        Error = Failure.Of(FailureCodes.UnknownCatalogue, $"The site has no such catalogue; it has {string.Join(", ", Settings.Catalogues.Select(c => c.Name))}. Nothing ran."),
    };

    static ExecutionResult UnreadDatabase() => new(Ending.Failed, Executed.No)
    {
        Error = Failure.Of(FailureCodes.DatabaseUnavailable,
            "The practice's settings name another database than before, and the Link could not look at it yet: until it has, no query reaches it. Nothing ran."),
    };

    static IEnumerable<string> ConnectionStrings(SiteSettings settings) =>
    [
        settings.ConnectionString,
        .. settings.Policy is { } policy
            ? policy.Integrators.Values.Append(policy.Default).Select(r => r.ConnectionString).OfType<string>()
            : [],
    ];
}

/// <summary>Every site of this Link, by its Halo GUID.</summary>
/// <remarks>
/// Sites change in two steps: first the API is told of the new ones and judges whether they are still the same practices, then they
/// are served. Until then queries go where they went before.
/// </remarks>
sealed class LocalSites : IAsyncDisposable
{
    readonly Lock _lock = new();
    Dictionary<Guid, LocalSite> _announced;
    Dictionary<Guid, LocalSite>? _served;

    /// <summary>A database of a site cannot be had any more, or may be had again.</summary>
    public event Action<LocalSite, DatabaseConnector>? AvailabilityChanged;

    /// <summary>Sites for which nothing is to be claimed: their database cannot be had, or is not known to be theirs yet.</summary>
    public IReadOnlyList<Guid> Unavailable => [.. Served.Values.Where(s => s.IsHeldBack || s.Connector.Outage is not null).Select(s => s.Id)];

    public LocalSites(IEnumerable<LocalSite> sites) => _announced = Watched(sites);

    /// <summary>What the API is, or is being, told of.</summary>
    public IReadOnlyCollection<LocalSite> All => Volatile.Read(ref _announced).Values;

    /// <summary>Who has how many queries in which database.</summary>
    public PracticeConcurrency Places { get; } = new();

    /// <summary>Finds where a command goes, or says why it goes nowhere; one of the two is null.</summary>
    public (ExecutionTarget? Target, ExecutionResult? Refused) Resolve(ISiteCommand asked) =>
        Served.TryGetValue(asked.SiteId, out var site) ? site.Resolve(asked.Catalogue, asked.IntegratorId, asked.Commands) : (null, UnknownSite());

    /// <summary>These are announced from now on; <see cref="ServeAsync"/> follows.</summary>
    public void Announce(IEnumerable<LocalSite> sites)
    {
        lock (_lock)
        {
            _served ??= _announced;
            Volatile.Write(ref _announced, Watched(sites));
        }
    }

    /// <summary>What is announced is served from now on. What runs or waits under older settings ends under them.</summary>
    public async Task ServeAsync()
    {
        IEnumerable<LocalSite> gone;
        lock (_lock)
        {
            gone = (_served ?? []).Values.Except(_announced.Values).ToList();
            _served = null;
        }
        // An engine that is disposed closes what is idle, and goes on serving those who have it.
        foreach (var site in gone)
            await site.DisposeAsync();
        // What was kept from the sites that were is not kept from these.
        foreach (var site in All)
            OnAvailability(site, site.Connector);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var site in All.Union(Served.Values))
            await site.DisposeAsync();
    }

    Dictionary<Guid, LocalSite> Watched(IEnumerable<LocalSite> sites)
    {
        var all = sites.ToDictionary(s => s.Id);
        foreach (var site in all.Values)
        {
            // Some stay as they were.
            site.AvailabilityChanged -= OnAvailability;
            site.AvailabilityChanged += OnAvailability;
        }
        return all;
    }

    void OnAvailability(LocalSite site, DatabaseConnector connector) => AvailabilityChanged?.Invoke(site, connector);

    /// <remarks>Read against the order in which <see cref="Announce"/> writes: what is announced is seen only together with what is served until then.</remarks>
    Dictionary<Guid, LocalSite> Served
    {
        get
        {
            var announced = Volatile.Read(ref _announced);
            return Volatile.Read(ref _served) ?? announced;
        }
    }

    static ExecutionResult UnknownSite() => new(Ending.Failed, Executed.No)
    {
        Error = Failure.Of(FailureCodes.UnknownCatalogue, "This Link does not serve that site any more. Nothing ran."),
    };
}

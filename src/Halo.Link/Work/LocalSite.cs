using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Settings;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Work;

/// <summary>Where a command goes: the engine under the right login, the database behind its catalogue, and the practice's limit.</summary>
/// <param name="Engine">Connects with the integrator's own login where the practice gave it one.</param>
/// <param name="Database">Null: the connection string's own.</param>
/// <param name="Rules">The practice's rules for this integrator.</param>
public sealed record ExecutionTarget(IDatabaseEngine Engine, string? Database, PolicyRules Rules)
{
    /// <summary>What the practice lets a command do.</summary>
    public CommandAccess Access => PracticePolicy.AccessOf(Rules);
}

/// <summary>One site as this process serves it.</summary>
public sealed class LocalSite(Guid id, SiteSettings settings, Func<string, string, IDatabaseEngine> createEngine) : IAsyncDisposable
{
    readonly PracticePolicy _policy = new(settings.Policy);
    bool _heldBack;
    readonly Dictionary<string, IDatabaseEngine> _engines = ConnectionStrings(settings)
        .Distinct(StringComparer.Ordinal)
        .ToDictionary(c => c, c => createEngine(settings.Engine, c), StringComparer.Ordinal);

    /// <summary>The Halo GUID.</summary>
    public Guid Id { get; } = id;

    public SiteSettings Settings { get; } = settings;

    /// <summary>
    /// Whether queries are kept from it: its settings name another database than the one that is known, and whose that is could not be
    /// read yet.
    /// </summary>
    public bool IsHeldBack => Volatile.Read(ref _heldBack);

    /// <summary>No query reaches it from now on.</summary>
    public void HoldBack() => Volatile.Write(ref _heldBack, true);

    /// <summary>It is known, and judged.</summary>
    public void LetThrough() => Volatile.Write(ref _heldBack, false);

    /// <summary>Under the site's own login.</summary>
    public IDatabaseEngine Engine => _engines[Settings.ConnectionString];

    /// <summary>Finds where a command goes, or says why it goes nowhere; one of the two is null.</summary>
    public (ExecutionTarget? Target, ExecutionResult? Refused) Resolve(string? catalogue, Guid integratorId, QueryCommand command)
    {
        if (IsHeldBack)
            return (null, UnreadDatabase());
        var found = catalogue is null
            ? Settings.Catalogues.First(c => c.IsDefault)
            : Settings.Catalogues.FirstOrDefault(c => string.Equals(c.Name, catalogue, StringComparison.OrdinalIgnoreCase));
        if (found is null)
            return (null, UnknownCatalogue());
        var rules = _policy.RulesFor(integratorId);
        if (PracticePolicy.Refuse(rules, command) is { } refused)
            return (null, refused);
        return (new(_engines[rules.ConnectionString ?? Settings.ConnectionString], found.Database, rules), null);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var engine in _engines.Values)
            await engine.DisposeAsync();
    }

    ExecutionResult UnknownCatalogue() => new(Ending.Failed, Executed.No)
    {
        Error = new(ErrorTypes.HaloLink, 400,
            $"The site has no such catalogue; it has {string.Join(", ", Settings.Catalogues.Select(c => c.Name))}. Nothing ran.")
        {
            Code = FailureCodes.UnknownCatalogue,
        },
    };

    static ExecutionResult UnreadDatabase() => new(Ending.Failed, Executed.No)
    {
        Error = new(ErrorTypes.HaloLink, 503,
            "The practice's settings name another database than before, and the Link could not look at it yet: until it has, no query reaches it. Nothing ran.")
        {
            Code = FailureCodes.DatabaseUnavailable,
        },
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
public sealed class LocalSites(IEnumerable<LocalSite> sites) : IAsyncDisposable
{
    readonly Lock _lock = new();
    Dictionary<Guid, LocalSite> _announced = sites.ToDictionary(s => s.Id);
    Dictionary<Guid, LocalSite>? _served;

    /// <summary>What the API is, or is being, told of.</summary>
    public IReadOnlyCollection<LocalSite> All => Volatile.Read(ref _announced).Values;

    /// <summary>Who has how many queries in which database.</summary>
    public PracticePlaces Places { get; } = new();

    /// <summary>Finds where a command goes, or says why it goes nowhere; one of the two is null.</summary>
    public (ExecutionTarget? Target, ExecutionResult? Refused) Resolve(Guid siteId, string? catalogue, Guid integratorId, QueryCommand command) =>
        Served.TryGetValue(siteId, out var site) ? site.Resolve(catalogue, integratorId, command) : (null, UnknownSite());

    /// <summary>These are announced from now on; <see cref="ServeAsync"/> follows.</summary>
    public void Announce(IEnumerable<LocalSite> sites)
    {
        lock (_lock)
        {
            _served ??= _announced;
            Volatile.Write(ref _announced, sites.ToDictionary(s => s.Id));
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
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var site in All.Union(Served.Values))
            await site.DisposeAsync();
    }

    Dictionary<Guid, LocalSite> Served => Volatile.Read(ref _served) ?? Volatile.Read(ref _announced);

    static ExecutionResult UnknownSite() => new(Ending.Failed, Executed.No)
    {
        Error = new(ErrorTypes.HaloLink, 400, "This Link does not serve that site any more. Nothing ran.")
        {
            Code = FailureCodes.UnknownCatalogue,
        },
    };
}

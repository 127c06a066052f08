using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.Link.Engines;
using Halo.Link.Engines.Running;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Sites;

/// <summary>Notices that a practice's system was updated: the catalogue of its databases is another than it was.</summary>
/// <remarks>
/// One cheap question to each database, at the start, once an hour, and where one is back that was away: who updates a system stops it, more often than not.
/// A heartbeat is not held up by it, and tells what is known; what was found while it was written is told by the next.
/// </remarks>
sealed class SchemaMarks
{
    static readonly TimeSpan Every = TimeSpan.FromHours(1);
    static readonly TimeSpan Within = TimeSpan.FromSeconds(10);

    readonly LocalSites _sites;
    readonly TimeProvider _time;
    readonly ConcurrentDictionary<LocalSite, Look> _looks = new();
    volatile bool _wanted;

    public SchemaMarks(LocalSites sites, TimeProvider time)
    {
        (_sites, _time) = (sites, time);
        sites.AvailabilityChanged += (site, connector) =>
        {
            if (connector.Outage is null && _looks.GetValueOrDefault(site) is { } look)
                look.IsDue = true;
        };
    }

    /// <summary>A session is open, with an API that wants to hear of it or not.</summary>
    public void OnWelcome(bool wanted) => _wanted = wanted;

    /// <summary>What a heartbeat says of the databases, with what is known of their catalogues.</summary>
    public IReadOnlyList<SiteDatabase> AddTo(IReadOnlyList<SiteDatabase> databases)
    {
        if (!_wanted)
            return databases;
        foreach (var gone in _looks.Keys.Except(_sites.All))
            _looks.TryRemove(gone, out _);
        var sites = _sites.All.ToDictionary(s => s.Id);
        return [.. databases.Select(d => sites.GetValueOrDefault(d.SiteId) is { } site ? d with { SchemaMark = MarkOf(site, d.Health.Status == DatabaseStatus.Healthy) } : d)];
    }

    /// <summary>Waits for the look at a site's databases that is under way.</summary>
    internal Task LookingAsync(LocalSite site) => _looks.GetValueOrDefault(site)?.Running ?? Task.CompletedTask;

    string? MarkOf(LocalSite site, bool isThere)
    {
        var look = _looks.GetOrAdd(site, _ => new());
        if (isThere && !site.IsHeldBack && look.Running.IsCompleted && (look.IsDue || _time.GetElapsedTime(look.At) >= Every))
        {
            (look.IsDue, look.At) = (false, _time.GetTimestamp());
            look.Running = Task.Run(() => LookAsync(site, look));
        }
        return look.Mark;
    }

    /// <summary>One that fails leaves what is known: the next look is an hour away.</summary>
    static async Task LookAsync(LocalSite site, Look look)
    {
        var texts = new List<string>();
        foreach (var (connector, database) in site.OwnDatabases)
        {
            var text = new ScalarText();
            var request = new CommandRequest(new QueryCommand(site.Engine.SchemaMarkText) { ExecutionMode = ExecutionMode.Scalar }, database, null, 1, Within, CommandAccess.Read);
            if ((await connector.Runner.RunAsync(request, text, CancellationToken.None)).Ending != Ending.Successful)
                return;
            texts.Add(text.Value ?? "");
        }
        look.Mark = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', texts))))[..32];
    }

    /// <summary>What is known of one site.</summary>
    sealed class Look
    {
        public volatile bool IsDue = true;
        public volatile string? Mark;
        public Task Running = Task.CompletedTask;
        public long At;
    }
}

using Halo.LinkProtocol.Messages;

namespace Halo.Link.Work;

/// <summary>Execution limits that an operator set from afar, in milliseconds; null: none.</summary>
/// <param name="ImmediateMs">Of immediate queries.</param>
/// <param name="AsyncMs">Of async queries.</param>
/// <param name="CommandMs">Of commands that name no timeout.</param>
public sealed record SiteLimit(int? ImmediateMs, int? AsyncMs, int? CommandMs)
{
    public static SiteLimit None { get; } = new(null, null, null);
}

/// <summary>How long a command may execute on each site, before the practice's own rules: what the API allows, or less where an operator set less.</summary>
public sealed class SiteLimits
{
    IReadOnlyDictionary<Guid, SiteLimit> _sites = new Dictionary<Guid, SiteLimit>();

    /// <summary>These hold for what begins from now on.</summary>
    public void Set(IReadOnlyDictionary<Guid, SiteLimit> sites) => Volatile.Write(ref _sites, sites);

    public TimeSpan OfImmediate(Execute asked) => Of(asked.SiteId, l => l.ImmediateMs, asked.LimitMs, asked.Command.Timeout);

    public TimeSpan OfAsync(Claim claim) => Of(claim.SiteId, l => l.AsyncMs, claim.LimitMs, claim.Command.Timeout);

    TimeSpan Of(Guid siteId, Func<SiteLimit, int?> limitOf, int askedMs, int? timeout)
    {
        var limit = Volatile.Read(ref _sites).GetValueOrDefault(siteId, SiteLimit.None);
        var milliseconds = Math.Min(askedMs, limitOf(limit) ?? askedMs);
        if (timeout is null)
            milliseconds = Math.Min(milliseconds, limit.CommandMs ?? milliseconds);
        return TimeSpan.FromMilliseconds(milliseconds);
    }
}

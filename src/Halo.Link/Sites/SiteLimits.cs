using Halo.Link.Engines;
using Halo.Link.Settings;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Sites;

/// <summary>Limits that an operator set from afar, in milliseconds; null: none.</summary>
/// <param name="ImmediateMs">Of immediate queries.</param>
/// <param name="AsyncMs">Of async queries.</param>
/// <param name="CommandMs">Of commands that name no timeout.</param>
sealed record SiteLimit(int? ImmediateMs, int? AsyncMs, int? CommandMs)
{
    public static SiteLimit None { get; } = new(null, null, null);

    /// <summary>For a reader's lock.</summary>
    public int? LockTimeoutMs { get; init; }

    /// <summary>That one of the practice's own sessions may wait for a lock of ours.</summary>
    public int? BlockingGuardMs { get; init; }

    /// <summary>That a statement waits for its caller.</summary>
    public int? SlowReaderMs { get; init; }
}

/// <summary>How long a command may execute and wait on each site: what the API or the practice allows, or less where an operator set less.</summary>
sealed class SiteLimits
{
    IReadOnlyDictionary<Guid, SiteLimit> _sites = new Dictionary<Guid, SiteLimit>();

    /// <summary>These hold for what begins from now on.</summary>
    public void Set(IReadOnlyDictionary<Guid, SiteLimit> sites) => Volatile.Write(ref _sites, sites);

    /// <summary>How long a command may execute: the least of what is asked and what the practice and the operator allow.</summary>
    public TimeSpan Of(ISiteCommand asked, PolicyRules rules)
    {
        var limit = Volatile.Read(ref _sites).GetValueOrDefault(asked.SiteId, SiteLimit.None);
        var milliseconds = Math.Min(asked.LimitMs, (asked is Claim ? limit.AsyncMs : limit.ImmediateMs) ?? int.MaxValue);
        if ((asked.Command ?? asked.Describe)?.Timeout is null)
            milliseconds = Math.Min(milliseconds, limit.CommandMs ?? int.MaxValue);
        var allowed = TimeSpan.FromMilliseconds(milliseconds);
        return rules.MaxSeconds is { } most && allowed > TimeSpan.FromSeconds(most) ? TimeSpan.FromSeconds(most) : allowed;
    }

    /// <summary>The practice's own protection, or what is stricter.</summary>
    public PracticeProtection Tighten(Guid siteId, PracticeProtection own)
    {
        if (!Volatile.Read(ref _sites).TryGetValue(siteId, out var limit) || limit is { LockTimeoutMs: null, BlockingGuardMs: null, SlowReaderMs: null })
            return own;
        return own.Within(Time(limit.LockTimeoutMs), Time(limit.BlockingGuardMs), Time(limit.SlowReaderMs));
    }

    static TimeSpan? Time(int? milliseconds) => milliseconds is { } ms ? TimeSpan.FromMilliseconds(ms) : null;
}

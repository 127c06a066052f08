using Halo.Link.Engines;
using Halo.Link.Rows;
using Halo.Link.Sites;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Work;

/// <summary>Runs the commands of claimed queries on their sites' databases, as far as the practice allows.</summary>
sealed class ClaimedCommands(LocalSites sites, SiteLimits limits, TimeProvider time)
{
    /// <summary>Takes one of the places that the practice leaves the claim's integrator; false: it has to wait until <see cref="PracticeConcurrency.Freed"/>.</summary>
    /// <remarks>A claim that will be refused anyway takes one too: it is told at once.</remarks>
    public bool TryEnter(Claim claim)
    {
        var (target, _) = sites.Resolve(claim.SiteId, claim.Catalogue, claim.IntegratorId, claim.Command);
        return sites.Places.TryEnter(claim.SiteId, claim.IntegratorId, target?.Rules.MaxConcurrent);
    }

    /// <summary>Sites for which nothing is to be claimed.</summary>
    public IReadOnlyList<Guid> UnavailableSites => sites.Unavailable;

    /// <summary>Whether every site is such a one.</summary>
    public bool IsAllUnavailable => sites.All.Count > 0 && sites.All.All(s => s.IsHeldBack || s.Connector.Outage is not null);

    /// <summary>Whether the site's database can be had, before the claim counts as begun: if not, it can go back into the queue.</summary>
    /// <remarks>True also of what will be refused anyway, and where another of the site's databases or logins fails: that is told at once.</remarks>
    public async Task<bool> IsReachableAsync(Claim claim, CancellationToken stop)
    {
        var (target, _) = sites.Resolve(claim.SiteId, claim.Catalogue, claim.IntegratorId, claim.Command);
        if (target is null)
            return !sites.Unavailable.Contains(claim.SiteId);
        try
        {
            var connection = await target.Connector.OpenAsync(new(claim.Tag, claim.IntegratorId), CommandAccess.Write, stop);
            await target.Engine.CloseAsync(connection);
            return true;
        }
        catch (DatabaseUnavailableException)
        {
            return !sites.Unavailable.Contains(claim.SiteId);
        }
        catch (OperationCanceledException)
        {
            return true;
        }
    }

    /// <summary>Gives the place back.</summary>
    public void Leave(Claim claim) => sites.Places.Leave(claim.SiteId, claim.IntegratorId);

    public async Task<ExecutionResult> RunAsync(Claim claim, IRowSink sink, CancellationToken cancel)
    {
        var (target, refused) = sites.Resolve(claim.SiteId, claim.Catalogue, claim.IntegratorId, claim.Command);
        if (target is null)
            return refused!;
        var limit = PracticePolicy.LimitOf(target.Rules, limits.OfAsync(claim));
        var request = new CommandRequest(claim.Command, target.Database, claim.Tag, claim.ResultSet, limit, target.Access)
        {
            QueryId = claim.QueryId,
            IntegratorId = claim.IntegratorId,
            MaxRows = target.Rules.MaxRows,
            MaxBytes = target.Rules.MaxBytes,
            Protection = limits.Tighten(claim.SiteId, target.Protection),
        };
        var result = await target.Engine.NewRunner(time, target.Connector).RunAsync(request, sink, cancel);
        return ResultBounds.Apply(result, target.Rules, result.CountedBytes, long.MaxValue, claim.ResultSet);
    }
}

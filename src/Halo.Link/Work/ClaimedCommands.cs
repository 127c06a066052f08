using Halo.Link.Engines;
using Halo.Link.Results;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Work;

/// <summary>Runs the commands of claimed queries on their sites' databases, as far as the practice allows.</summary>
public sealed class ClaimedCommands(LocalSites sites, SiteLimits limits, TimeProvider time)
{
    public Task<ExecutionResult> RunAsync(Claim claim, IRowSink sink, CancellationToken cancel)
    {
        var (target, refused) = sites.Resolve(claim.SiteId, claim.Catalogue, claim.IntegratorId, claim.Command);
        if (target is null)
            return Task.FromResult(refused!);
        var limit = PracticePolicy.LimitOf(target.Rules, limits.OfAsync(claim));
        var request = new CommandRequest(claim.Command, target.Database, claim.Tag, claim.ResultSet, limit);
        return new CommandRunner(target.Engine, time).RunAsync(request, sink, cancel);
    }
}

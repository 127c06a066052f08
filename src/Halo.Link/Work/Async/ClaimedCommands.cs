using Halo.Link.Engines;
using Halo.Link.Rows;
using Halo.Link.Sites;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Work.Async;

/// <summary>Where claimed queries are executed, and whether one may begin now.</summary>
interface IClaimedCommands
{
    /// <summary>A place of a practice is free again. Raised outside of any lock, on any thread.</summary>
    event Action? PlaceFreed;

    /// <summary>Sites for which nothing is to be claimed: their database cannot be had, or is not known to be theirs yet.</summary>
    IReadOnlyList<Guid> UnavailableSites { get; }

    /// <summary>Whether every site is such a one.</summary>
    bool IsAllUnavailable { get; }

    /// <summary>Takes one of the places that the practice leaves the claim's integrator; false: it has to wait until <see cref="PlaceFreed"/>.</summary>
    /// <remarks>A claim that will be refused anyway takes one too: it is told at once.</remarks>
    bool TryEnter(Claim claim);

    /// <summary>Gives the place back.</summary>
    void Leave(Claim claim);

    /// <summary>Whether the site's database can be had, before the claim counts as begun: if not, it can go back into the queue.</summary>
    /// <remarks>True also of what will be refused anyway, and where another of the site's databases or logins fails: that is told at once.</remarks>
    Task<bool> IsReachableAsync(Claim claim, CancellationToken stop);

    /// <summary>Runs the claim's command on its site's database, rows into <paramref name="sink"/>.</summary>
    /// <remarks>
    /// What the practice's policy, the catalogue or the parameters forbid is a result too: failed, executed <c>no</c>.
    /// When <paramref name="cancel"/> is set the statement is cancelled in the database, and the result says what is known of it.
    /// </remarks>
    Task<ExecutionResult> RunAsync(Claim claim, IRowSink sink, CancellationToken cancel);
}

/// <inheritdoc cref="IClaimedCommands"/>
sealed class ClaimedCommands : IClaimedCommands
{
    readonly CommandExecutor _executor;
    readonly LocalSites _sites;

    public ClaimedCommands(CommandExecutor executor, LocalSites sites)
    {
        (_executor, _sites) = (executor, sites);
        sites.Places.Freed += _ => PlaceFreed?.Invoke();
    }

    public event Action? PlaceFreed;

    public IReadOnlyList<Guid> UnavailableSites => _sites.Unavailable;

    public bool IsAllUnavailable => _sites.All.Count > 0 && _sites.All.All(s => s.IsHeldBack || s.Connector.Outage is not null);

    public bool TryEnter(Claim claim) =>
        _sites.Places.TryEnter(claim.SiteId, claim.IntegratorId, _sites.Resolve(claim).Target?.Rules.MaxConcurrent);

    public void Leave(Claim claim) => _sites.Places.Leave(claim.SiteId, claim.IntegratorId);

    public async Task<bool> IsReachableAsync(Claim claim, CancellationToken stop)
    {
        if (_sites.Resolve(claim).Target is not { } target)
            return !_sites.Unavailable.Contains(claim.SiteId);
        try
        {
            var connection = await target.Connector.OpenAsync(new(claim.Tag, claim.IntegratorId), CommandAccess.Write, stop);
            await target.Connector.Engine.CloseAsync(connection);
            return true;
        }
        catch (DatabaseUnavailableException)
        {
            return !_sites.Unavailable.Contains(claim.SiteId);
        }
        catch (OperationCanceledException)
        {
            return true;
        }
    }

    public async Task<ExecutionResult> RunAsync(Claim claim, IRowSink sink, CancellationToken cancel)
    {
        var (target, refused) = _sites.Resolve(claim);
        return refused ?? await _executor.RunAsync(_executor.RequestOf(claim.QueryId, claim, target!), claim, target!, sink, long.MaxValue, cancel);
    }
}

using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.Sqlite;
using Halo.LinkProtocol;

namespace Halo.Link.Work;

/// <summary>
/// Before the first session: runs one <c>SELECT 1</c> of the Link's own at each site whose database was reached, the way that a query goes, and writes and reads
/// the messages of a query, so that the first caller does not wait for the compiler.
/// </summary>
sealed class WarmUp(LocalSites sites, TimeProvider time)
{
    /// <summary>No start waits longer for it.</summary>
    static readonly TimeSpan Longest = TimeSpan.FromSeconds(2);

    public async Task RunAsync(CancellationToken stop)
    {
        MessageWarmUp.Run();
        try
        {
            await Task.WhenAll(sites.All.Where(s => s.OwnConnector is { ConnectedAt: not 0, Outage: null } && !s.IsHeldBack).Select(s => AskAsync(s, stop)))
                .WaitAsync(Longest, time, stop);
        }
        catch (TimeoutException)
        {
            // What ails the database is told by whoever asks it in earnest.
        }
    }

    Task<ExecutionResult> AskAsync(LocalSite site, CancellationToken stop)
    {
        var access = site.Settings.Policy is { } policy ? PracticePolicy.AccessOf(policy.Default) : CommandAccess.Write;
        var request = new CommandRequest(new("SELECT 1") { ExecutionMode = ExecutionMode.Scalar }, null, null, 1, Longest, access);
        return Task.Run(() => site.Engine.NewRunner(time, site.OwnConnector).RunAsync(request, new ScalarText(), stop), stop);
    }
}

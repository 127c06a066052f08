using Halo.Api.Links;
using Halo.Api.Queries.Immediate;
using Halo.Api.Queries.Waiting;
using Halo.Api.Sites;

namespace Halo.Api;

/// <summary>The orderly end, within the host's few seconds: long polls are answered, immediate queries under way end, then the Links are told to come back soon.</summary>
public sealed class Shutdown(QueryWaiters waiters, ImmediateQueries immediate, LinkSessions sessions, AvailabilityHistory history)
{
    static readonly TimeSpan DrainWithin = TimeSpan.FromSeconds(1.5);

    public async Task RunAsync()
    {
        // On its way before anything is waited for: from here on the service counts as down.
        var marked = history.StopAsync();
        waiters.Stop();
        await immediate.DrainAsync(DrainWithin);
        await sessions.CloseAllAsync();
        await marked;
    }
}

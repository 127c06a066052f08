using Halo.Api.Links;
using Halo.Api.Queries.Immediate;

namespace Halo.Api;

/// <summary>The orderly end, within the host's few seconds: immediate queries under way first, then the Links are told to come back soon.</summary>
public sealed class Shutdown(ImmediateQueries immediate, LinkSessions sessions)
{
    static readonly TimeSpan DrainWithin = TimeSpan.FromSeconds(1.5);

    public async Task RunAsync()
    {
        await immediate.DrainAsync(DrainWithin);
        await sessions.CloseAllAsync();
    }
}

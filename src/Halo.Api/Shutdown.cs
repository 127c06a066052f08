using Halo.Api.Links;
using Halo.Api.Links.Sessions;
using Halo.Api.Queries.Immediate;
using Halo.Api.Queries.Completion;
using Halo.Api.Sites.State;

namespace Halo.Api;

/// <summary>The orderly end, within the host's few seconds: long polls are answered, immediate queries under way end, then the Links are told to come back soon.</summary>
/// <remarks>
/// It begins before the port closes. The host waits for its end after that, and then closes the store: what a session writes as it ends
/// (<see cref="AvailabilityHistory"/>, <see cref="LinkSessions"/>, <see cref="LinkDirectory"/>) is started and not awaited by the session, and is given to the
/// store before that. Whoever adds such a write elsewhere has to end here, too.
/// </remarks>
sealed class Shutdown(
    QueryWaiters waiters, ImmediateQueries immediate, LinkSessions sessions, AvailabilityHistory history, IHostApplicationLifetime lifetime, TimeProvider time) : IHostedService
{
    static readonly TimeSpan DrainWithin = TimeSpan.FromSeconds(1.5);

    /// <summary>For sessions whose lines the server had to break.</summary>
    static readonly TimeSpan EndWithin = TimeSpan.FromSeconds(3);

    Task _run = Task.CompletedTask;

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        lifetime.ApplicationStopping.Register(() => _run = RunAsync());
        return Task.CompletedTask;
    }

    /// <summary>Comes after the end of the server, the last of the services to start.</summary>
    /// <param name="cancellationToken">Not looked at: it may be over, and what is waited for has limits of its own.</param>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await Task.WhenAll(_run, sessions.WhenAllEndedAsync()).WaitAsync(EndWithin, time, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    async Task RunAsync()
    {
        // On its way before anything is waited for: from here on the service counts as down.
        var marked = history.StopAsync();
        waiters.Stop();
        await immediate.DrainAsync(DrainWithin);
        await sessions.CloseAllAsync();
        await marked;
    }
}

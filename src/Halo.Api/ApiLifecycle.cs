using Halo.Api.Basics;
using Halo.Api.Integrators;
using Halo.Api.Ledger;
using Halo.Api.Links;
using Halo.Api.Links.Configuration;
using Halo.Api.Links.Sessions;
using Halo.Api.Links.Updating;
using Halo.Api.Operators;
using Halo.Api.Queries.Idempotency;
using Halo.Api.Queries.Immediate;
using Halo.Api.Queries.Settling;
using Halo.Api.Settings;
using Halo.Api.Sites;
using Halo.Api.Sites.State;
using Halo.Api.Storage;

namespace Halo.Api;

/// <summary>
/// What has to stand before the background services start and the port opens, in order; and the orderly end, within the host's few seconds: long polls are
/// answered, immediate queries under way end, then the Links are told to come back soon.
/// </summary>
/// <remarks>
/// The first of the hosted services to start and the last to stop. Its end begins before the port closes, and is waited for after that; then the store is closed:
/// what a session writes as it ends (<see cref="AvailabilityHistory"/>, <see cref="LinkSessions"/>, <see cref="LinkDirectory"/>) is started and not awaited by the
/// session, and is given to the store before that. Whoever adds such a write elsewhere has to end here, too.
/// </remarks>
sealed partial class ApiLifecycle(
    OperatorDirectory operators, IntegratorDirectory integrators, SiteDirectory sites, SiteAuthority authority, LinkDirectory links, Deadlines deadlines, IdempotencyStore idempotency,
    LinkSessions sessions, SiteRegistry registry, AvailabilityHistory history, SiteStateWatch states, RemoteConfigurations configurations, ReleaseRegistry releases,
    LinkRollouts rollouts, UpdateAttempts attempts, QueryWaiters waiters, ImmediateQueries immediate,
    ApiOptions options, TimeProvider time, ILogger<ApiLifecycle> log) : IHostedLifecycleService
{
    static readonly TimeSpan DrainWithin = TimeSpan.FromSeconds(1.5);

    /// <summary>For sessions whose lines the server had to break.</summary>
    static readonly TimeSpan EndWithin = TimeSpan.FromSeconds(3);

    Task _end = Task.CompletedTask;

    /// <summary>Whether everything stands that the port needs.</summary>
    public bool IsPrepared { get; private set; }

    /// <summary>Warns of what is for demonstration only.</summary>
    public Task StartingAsync(CancellationToken cancellationToken)
    {
        if (options.Enrolment == EnrolmentMode.Open)
            LogOpen();
        return Task.CompletedTask;
    }

    /// <summary>Snapshots, then the deadlines of what was open.</summary>
    /// <exception cref="StartupException">The store was lost.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            await operators.LoadAsync();
            await integrators.LoadAsync(cancellationToken);
            await links.LoadAsync(cancellationToken);
            await sessions.LoadAsync();
            await authority.ApplySharedAsync();
            await sites.LoadAsync(cancellationToken);
            await registry.ApplyMinimumVersionsAsync();
            await history.StartAsync();
            await states.LoadAsync();
            await configurations.LoadAsync();
            await releases.LoadAsync();
            await rollouts.LoadAsync();
            await attempts.LoadAsync();
            await idempotency.LoadAsync();
            await deadlines.AfterDowntimeAsync();
            IsPrepared = true;
        }
        catch (Exception e) when (StorageException.Means(e))
        {
            throw new StartupException($"The store was there and was lost while it was read ({e.GetBaseException().Message.TrimEnd('.')}). Look at it, and start again.", e);
        }
    }

    /// <summary>The port is open.</summary>
    public Task StartedAsync(CancellationToken cancellationToken)
    {
        LogReady(ProductVersion.Text, options.DataDirectory, options.Enrolment);
        return Task.CompletedTask;
    }

    /// <summary>Begins the end, and leaves it to itself: the port closes meanwhile.</summary>
    public Task StoppingAsync(CancellationToken cancellationToken)
    {
        _end = EndAsync();
        return Task.CompletedTask;
    }

    /// <param name="cancellationToken">Not looked at: it may be over, and what is waited for has limits of its own.</param>
    public async Task StopAsync(CancellationToken cancellationToken) =>
        await Task.WhenAll(_end, sessions.WhenAllEndedAsync()).WaitAsync(EndWithin, time, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    async Task EndAsync()
    {
        // On its way before anything is waited for: from here on the service counts as down.
        var marked = history.StopAsync();
        waiters.Stop();
        await immediate.DrainAsync(DrainWithin);
        await sessions.CloseAllAsync();
        await marked;
    }

    [LoggerMessage(1402, LogLevel.Information, "Halo API {Version} is ready. Data: {Directory}. New Links: {Enrolment}")]
    partial void LogReady(string version, string directory, EnrolmentMode enrolment);

    [LoggerMessage(1403, LogLevel.Warning, "Every Link that finds this service is trusted at once (Halo:Enrolment=open). Use that for demonstration only.")]
    partial void LogOpen();
}

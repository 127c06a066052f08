using Halo.Api.Basics;
using Halo.Api.Integrators;
using Halo.Api.Ledger;
using Halo.Api.Links;
using Halo.Api.Links.Configuration;
using Halo.Api.Links.Sessions;
using Halo.Api.Queries;
using Halo.Api.Queries.Idempotency;
using Halo.Api.Results.Retention;
using Halo.Api.Settings;
using Halo.Api.Sites;
using Halo.Api.Sites.State;

namespace Halo.Api;

/// <summary>What has to stand before the port opens, in order.</summary>
sealed partial class Startup(
    IntegratorDirectory integrators, SiteDirectory sites, SiteAuthority authority, LinkDirectory links, Deadlines deadlines, DeadlineWatch deadlineWatch, IdempotencyStore idempotency,
    LinkSessions sessions, SiteRegistry registry, AvailabilityHistory history, RemoteConfigurations configurations, RetentionWatch retention,
    ApiOptions options, IHostApplicationLifetime lifetime, ILogger<Startup> log)
{
    /// <summary>Snapshots, then deadlines.</summary>
    public async Task PrepareAsync(CancellationToken stop)
    {
        await integrators.LoadAsync(stop);
        await links.LoadAsync(stop);
        await sessions.LoadAsync();
        await authority.ApplySharedAsync();
        await sites.LoadAsync(stop);
        await registry.ApplyMinimumVersionsAsync();
        await history.StartAsync();
        await configurations.LoadAsync();
        await idempotency.LoadAsync();
        await deadlines.AfterDowntimeAsync();
        deadlineWatch.Start();
        retention.Start();
        lifetime.ApplicationStarted.Register(() => LogReady(ProductVersion.Text, options.DataDirectory, options.Enrolment));
        if (options.Enrolment == EnrolmentMode.Open)
            LogOpen();
    }

    [LoggerMessage(1402, LogLevel.Information, "Halo API {Version} is ready. Data: {Directory}. New Links: {Enrolment}")]
    partial void LogReady(string version, string directory, EnrolmentMode enrolment);

    [LoggerMessage(1403, LogLevel.Warning, "Every Link that finds this service is trusted at once (Halo:Enrolment=open). Use that for demonstration only.")]
    partial void LogOpen();
}

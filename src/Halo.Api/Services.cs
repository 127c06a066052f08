using System.Security.Cryptography;
using Halo.Api.Capacity;
using Halo.Api.Console.Parts;
using Halo.Api.Endpoints.ForIntegrators;
using Halo.Api.Endpoints.ForIntegrators.Submission;
using Halo.Api.Endpoints.ForIntegrators.Surveys;
using Halo.Api.Endpoints.ForLinks;
using Halo.Api.Endpoints.ForOperators;
using Halo.Api.Endpoints.ForOperators.Shapes;
using Halo.Api.Events;
using Halo.Api.Integrators;
using Halo.Api.Ledger;
using Halo.Api.Ledger.Events;
using Halo.Api.Ledger.Records;
using Halo.Api.Ledger.Registered;
using Halo.Api.Ledger.Surveys;
using Halo.Api.Links;
using Halo.Api.Links.Configuration;
using Halo.Api.Links.Enrolling;
using Halo.Api.Links.Sessions;
using Halo.Api.Links.Updating;
using Halo.Api.LinkSocket;
using Halo.Api.Observability;
using Halo.Api.OpenApi;
using Halo.Api.Operators;
using Halo.Api.Operators.Sessions;
using Halo.Api.Problems;
using Halo.Api.Queries;
using Halo.Api.Queries.Admission;
using Halo.Api.Queries.Async;
using Halo.Api.Queries.Cancelling;
using Halo.Api.Queries.Idempotency;
using Halo.Api.Queries.Immediate;
using Halo.Api.Queries.Immediate.Pending;
using Halo.Api.Queries.Registered;
using Halo.Api.Queries.Requests;
using Halo.Api.Queries.Schemas;
using Halo.Api.Queries.Settling;
using Halo.Api.Queries.Surveys;
using Halo.Api.Results;
using Halo.Api.Results.Pages;
using Halo.Api.Results.Retention;
using Halo.Api.Routing;
using Halo.Api.Settings;
using Halo.Api.Sites;
using Halo.Api.Sites.Pairings;
using Halo.Api.Sites.State;
using Halo.Api.Storage;
using Halo.Api.Storage.Postgres;
using Halo.Api.Tls;
using Halo.Api.Transport;
using Halo.Line.Logging;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Halo.Api;

/// <summary>Every part of the service, each once.</summary>
static class Services
{
    public static void AddHaloServices(this WebApplicationBuilder builder, HostBootstrap bootstrap)
    {
        var services = builder.Services;
        var options = bootstrap.Options;
        // Among many nodes each looks once a minute for what a dead one left behind.
        TimeSpan? lookEvery = bootstrap.Database is PostgresDatabase ? TimeSpan.FromMinutes(1) : null;
        builder.Logging.AddHaloConsole();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.Limits.RequestBytes;
            kestrel.Limits.MaxConcurrentConnections = options.Limits.Connections;
            kestrel.Limits.MaxConcurrentUpgradedConnections = options.Limits.LinkConnections;
            kestrel.Limits.MaxRequestLineSize = QueryLimits.RequestLineBytes;
            kestrel.Limits.MaxRequestHeadersTotalSize = QueryLimits.HeaderBytes;
            kestrel.Limits.MaxRequestHeaderCount = QueryLimits.Headers;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromMilliseconds(QueryLimits.HeadersMs);
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromMilliseconds(QueryLimits.IdleConnectionMs);
            kestrel.Limits.Http2.MaxStreamsPerConnection = QueryLimits.RequestsPerConnection;
            RenewedCertificates.Follow(kestrel, builder.Configuration, builder.Environment, kestrel.ApplicationServices.GetRequiredService<TimeProvider>());
        });
        // A test may have put its own clock there.
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(options);
        services.AddSingleton(options.Limits);
        services.AddSingleton(options.Results);
        services.AddSingleton(bootstrap.Directory);
        services.AddSingleton(bootstrap.Database);
        services.AddSingleton(bootstrap.Keys);
        services.AddSingleton(bootstrap.Signing);
        services.AddSingleton(bootstrap.Pairing);
        services.AddSingleton(bootstrap.Admin);
        services.AddSingleton<RouteTable>();
        services.AddSingleton<AuditLog>();
        services.AddSingleton<WrongKeyLimiter>();
        services.AddSingleton<AdminCallLog>();
        services.AddSingleton<OperatorDirectory>();
        services.AddSingleton<OperatorRegistry>();
        services.AddSingleton<ProblemFinder>();
        services.AddSingleton<PublicAddresses>();

        services.AddSingleton<IntegratorDirectory>();
        services.AddSingleton<IntegratorRegistry>();
        services.AddSingleton<RateLimits>();
        services.AddSingleton<SiteDirectory>();
        services.AddSingleton<SiteRegistry>();
        services.AddSingleton<SiteAuthority>();
        services.AddSingleton<PairingCodes>();
        services.AddSingleton<Pairing>();
        services.AddSingleton<SiteView>();
        services.AddSingleton<PairedSites>();
        services.AddSingleton<SiteNoticeBuilder>();
        services.AddSingleton<SiteAccess>();
        services.AddSingleton<Availability>();
        services.AddSingleton<SiteStateWatch>();
        services.AddSingleton<AvailabilityHistory>();
        services.AddSingleton<SiteUninstaller>();
        services.AddSingleton<AdminSites>();
        services.AddSingleton<AdminLinks>();
        services.AddSingleton<AdminReleases>();
        services.AddSingleton<BundleDownloads>();

        services.AddSingleton<LinkDirectory>();
        services.AddSingleton<LinkApproval>();
        services.AddSingleton<LinkSessions>();
        services.AddSingleton<ILinkGateway>(p => p.GetRequiredService<LinkSessions>());
        services.AddSingleton<SiteNotifier>();
        services.AddSingleton<RemoteConfigurations>();
        services.AddSingleton<BundleFiles>();
        services.AddSingleton<ReleaseRegistry>();
        services.AddSingleton<LinkRollouts>();
        services.AddSingleton<LinkUpdates>();
        services.AddSingleton<UpdateAttempts>();
        services.AddSingleton<UpdateTurns>();
        services.AddSingleton<LinkTokens>();
        services.AddSingleton<LinkEndpoint>();
        services.AddSingleton<SessionLifecycle>();
        services.AddSingleton<SiteReports>();
        services.AddSingleton<MessageRouter>();
        services.AddSingleton<Nonces>();
        services.AddSingleton<WaitingLinks>();
        services.AddSingleton<Enrolment>();
        services.AddSingleton<EnrolmentTokens>();

        services.AddSingleton(new LedgerOptions
        {
            Grace = TimeSpan.FromMilliseconds(options.Limits.GraceMs),
            UploadLimit = TimeSpan.FromMilliseconds(options.Limits.UploadMs),
            LinksReturnWithin = TimeSpan.FromMilliseconds(options.Links.ReturnWithinMs),
        });
        services.AddSingleton<QueryStore>();
        services.AddSingleton<ImmediateLedger>();
        services.AddSingleton<AsyncQueue>();
        services.AddSingleton<ClaimReports>();
        services.AddSingleton<PageManifest>();
        services.AddSingleton<SessionSettlements>();
        services.AddSingleton<Cancellations>();
        services.AddSingleton<Deadlines>();
        services.AddSingleton<LedgerRetention>();
        services.AddSingleton<QueryReader>();
        services.AddSingleton<RegisteredStore>();
        services.AddSingleton<RegisteredResults>();
        services.AddSingleton<RegisteredRetention>();
        services.AddSingleton<RegisteredRequestReader>();
        services.AddSingleton<RegistrationCheck>();
        services.AddSingleton<RegisteredQueries>();
        services.AddSingleton<RegisteredReports>();
        services.AddSingleton<EventSignals>();
        services.AddSingleton<EventReader>();
        services.AddSingleton<EventRetention>();
        services.AddSingleton<WebhookStore>();
        services.AddSingleton<DeliveryStore>();
        services.AddSingleton<AddressGuard>();
        services.AddSingleton<WebhookRequestReader>();
        services.AddSingleton<WebhookSender>();
        services.AddSingleton<EventStreams>();
        services.AddSingleton(p => new WebhookDeliveries(p.GetRequiredService<DeliveryStore>(), p.GetRequiredService<WebhookStore>(), p.GetRequiredService<WebhookSender>(),
            p.GetRequiredService<EventSignals>(), () => RandomNumberGenerator.GetInt32(1 << 24) / (double)(1 << 24), p.GetRequiredService<TimeProvider>(), p.GetRequiredService<ILogger<WebhookDeliveries>>(), lookEvery));
        services.AddSingleton<SettlementEffects>();
        services.AddSingleton(p => new DeadlineWatch(p.GetRequiredService<Deadlines>(), p.GetRequiredService<SettlementEffects>().ApplyAsync, p.GetRequiredService<TimeProvider>(),
            p.GetRequiredService<ILogger<DeadlineWatch>>(), longestSleep: lookEvery,
            // Asked for late: they give it their deadlines.
            withhold: () => p.GetRequiredService<PendingQueries>().FlushEndsAsync()));
        services.AddSingleton<QueryWaiters>();
        services.AddSingleton<SessionSettling>();
        services.AddSingleton<QueryRequestReader>();
        services.AddSingleton<RequestBodies>();
        services.AddSingleton<QueryAdmission>();
        services.AddSingleton<SubmissionParser>();
        services.AddSingleton<SubmitEndpoint>();
        services.AddSingleton<DescribeEndpoint>();
        services.AddSingleton<SchemaStore>();
        services.AddSingleton<SchemaMarks>();
        services.AddSingleton<SchemaReading>();
        services.AddSingleton<SchemaWatch>();
        services.AddSingleton<IdempotencyStore>();
        services.AddSingleton<IdempotencyClaims>();
        services.AddSingleton<IdempotentQueries>();
        services.AddSingleton<KeyedCancelling>();
        services.AddSingleton<PendingQueries>();
        services.AddSingleton<UnheldMessageLog>();
        services.AddSingleton<OutcomeRecorder>();
        services.AddSingleton<ResultMemoryBudget>();
        services.AddSingleton<ImmediateResponseWriter>();
        services.AddSingleton<ImmediateQueries>();
        services.AddSingleton<StreamedResponseWriter>();
        services.AddSingleton(p => FreeSpace.Of(bootstrap.Directory, options.Disk, p.GetRequiredService<TimeProvider>()));
        services.AddSingleton<AsyncQueries>();
        services.AddSingleton<ClaimedQueries>();
        services.AddSingleton<QueryCancelling>();
        services.AddSingleton<SurveyStore>();
        services.AddSingleton<SurveyRetention>();
        services.AddSingleton<SchemaRetention>();
        services.AddSingleton<SurveyRequestReader>();
        services.AddSingleton<SurveyAsking>();
        services.AddSingleton<SurveyRunner>();
        services.AddSingleton<SurveyQueries>();
        services.AddSingleton<IPageStore>(p => ActivatorUtilities.CreateInstance<FilePageStore>(p, bootstrap.Database is not PostgresDatabase));
        services.AddSingleton<PageIntake>();
        services.AddSingleton(options.Retention);
        services.AddSingleton(options.Events);
        services.AddSingleton<OrphanedPages>();
        services.AddSingleton<RetentionWatch>();
        services.AddSingleton<ResultRemoval>();
        services.AddSingleton<ResultReader>();
        services.AddSingleton<StoredResponseWriter>();
        services.AddSingleton<SurveyRowsWriter>();
        services.AddSingleton<Gauges>();
        services.AddSingleton<TelemetryExport>();
        services.AddHaloOpenApi();
        if (options.ConsoleEnabled)
            services.AddSingleton<ConsoleSessions>().AddSingleton<ConsoleAssets>().AddSingleton<QueryRate>();
        services.AddHosted();
    }

    /// <summary>What runs, in the order of its start; the port opens after all, and closes first. They stop the other way round.</summary>
    static void AddHosted(this IServiceCollection services)
    {
        services.AddSingleton<ApiLifecycle>().AddHostedService(p => p.GetRequiredService<ApiLifecycle>());
        services.AddHostedService(p => p.GetRequiredService<DeadlineWatch>());
        services.AddHostedService(p => p.GetRequiredService<RetentionWatch>());
        services.AddHostedService(p => p.GetRequiredService<SiteStateWatch>());
        services.AddHostedService(p => p.GetRequiredService<WebhookDeliveries>());
        services.AddHostedService(p => p.GetRequiredService<SurveyRunner>());
        services.AddHostedService<ProblemWatch>();
    }

    /// <summary>One line for each message, times in UTC.</summary>
    public static ILoggingBuilder AddHaloConsole(this ILoggingBuilder logging) => logging
        .AddLogLines(o => (o.UseUtcTimestamp, o.TimestampFormat) = (true, "yyyy-MM-dd'T'HH:mm:ss.fff'Z' "));
}

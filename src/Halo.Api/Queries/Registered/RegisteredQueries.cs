using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Ledger.Registered;
using Halo.Api.Links.Sessions;
using Halo.Api.Settings;
using Halo.Api.Sites;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.Api.Queries.Registered;

/// <summary>Queries that the practice's Link runs by itself: registered, shown, renewed, cancelled. The Link is told at once, and asks for the list.</summary>
sealed class RegisteredQueries(RegisteredStore store, RegistrationCheck check, SiteAccess access, ILinkGateway gateway, QueryLimits limits, TimeProvider time)
{
    /// <summary>Registers one; when this returns it is durable.</summary>
    /// <param name="callerGone">Nothing is registered then, unless it was already.</param>
    public async Task<(Guid Id, Refusal? Refusal)> RegisterAsync(IntegratorCaller caller, SiteRecord site, Registration asked, CancellationToken callerGone)
    {
        if (gateway.Find(site.LinkId) is { RunsRegistered: false })
        {
            return (default, new Refusal(409, ErrorCodes.VersionTooOld,
                $"The Halo Link of site {site.Id} is too old to run registered queries. Ask the practice to update it; until then use async queries."));
        }
        if (await check.FindFaultAsync(caller, site, asked, callerGone) is { } fault)
            return (default, fault);
        callerGone.ThrowIfCancellationRequested();
        var now = time.GetUtcNow();
        var query = new RegisteredRecord
        {
            Id = QueryIds.Next(now),
            IntegratorId = caller.Integrator.Id,
            SiteId = site.Id,
            Name = asked.Name,
            Frequency = asked.Frequency,
            Duration = asked.Duration,
            Catalogue = asked.Catalogue,
            Key = asked.Key,
            DeliverFirst = asked.DeliverFirst,
            CommandSize = asked.CommandSize,
            RequestSize = asked.RequestSize,
            SqlSize = asked.SqlSize,
            CreatedAt = now,
            ExpiresAt = now.AddSeconds(asked.Duration),
        };
        if (!await store.AddAsync(query, asked.Command, limits.RegisteredPerSite))
        {
            return (default, new Refusal(409, ErrorCodes.Conflict,
                $"You have {limits.RegisteredPerSite} registered queries at site {site.Id}, as many as are allowed. Cancel one, or wait until one ends."));
        }
        // Whoever took the right away before this was stored did not find it.
        if (access.ForQuery(caller, site.Id).Refusal is { } taken)
        {
            await store.CancelAsync(query.Id);
            return (default, taken);
        }
        TellLink(site);
        return (query.Id, null);
    }

    /// <summary>Ends one; false: there is no such query.</summary>
    public async Task<bool> CancelAsync(Guid integratorId, SiteRecord site, Guid id)
    {
        if (await store.FindAsync(integratorId, site.Id, id) is null)
            return false;
        if (await store.CancelAsync(id) > 0)
            TellLink(site);
        return true;
    }

    /// <summary>Lets one run on, from now.</summary>
    /// <param name="duration">Seconds; null: as it was registered.</param>
    public async Task<(RegisteredQuery? Query, Refusal? Refusal)> RenewAsync(Guid integratorId, SiteRecord site, Guid id, int? duration)
    {
        if (await store.FindAsync(integratorId, site.Id, id) is not { } query)
            return (null, Unknown);
        if (await store.RenewAsync(id, duration ?? query.Duration) == 0)
            return (null, new Refusal(409, ErrorCodes.Conflict, "This registered query has ended; register it again."));
        TellLink(site);
        return (await store.FindAsync(integratorId, site.Id, id) is { } renewed ? Show(renewed) : null, null);
    }

    /// <summary>One of an integrator's own; null: there is none.</summary>
    public async Task<RegisteredQuery?> FindAsync(Guid integratorId, Guid siteId, Guid id) => await store.FindAsync(integratorId, siteId, id) is { } query ? Show(query) : null;

    /// <summary>An integrator's own at a site that still run.</summary>
    public async Task<IReadOnlyList<RegisteredQuery>> ListAsync(Guid integratorId, Guid siteId) => [.. (await store.ListAsync(integratorId, siteId)).Select(Show)];

    /// <summary>404 for a registered query.</summary>
    public static Refusal Unknown { get; } = Refusal.NotFound("You have no such registered query at this site.");

    RegisteredQuery Show(RegisteredRecord query)
    {
        var ended = query.CancelledAt ?? (query.IsRunning(time.GetUtcNow()) ? null : query.ExpiresAt);
        return new()
        {
            Id = query.Id,
            Name = query.Name,
            RegisteredQueryType = "query",
            Frequency = query.Frequency,
            Duration = query.Duration,
            Status = query.CancelledAt is not null ? RegisteredQueryStatus.Cancelled : ended is not null ? RegisteredQueryStatus.Completed : RegisteredQueryStatus.Enabled,
            LastHash = query.LastHash ?? "",
            LastErrorDetails = store.DetailOf(query).Error,
            Metrics = new()
            {
                LastSucceededAt = query.LastSucceededAt,
                LastFailedAt = query.LastFailedAt,
                LastExecutionDuration = query.LastExecutionMs,
                ExecutionSucceededCount = query.Counts.Succeeded,
                ExecutionFailedCount = query.Counts.Failed,
                ResultSizeSum = query.SizeSum,
                RequestSize = query.RequestSize,
            },
            CreatedAt = query.CreatedAt,
            ExpiresAt = query.ExpiresAt,
            CompletedAt = ended,
        };
    }

    void TellLink(SiteRecord site) => gateway.Find(site.LinkId)?.RegisteredChanged();
}

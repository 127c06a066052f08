using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Halo.Api.Integrators;
using Halo.Api.Links;
using Halo.Api.Links.Enrolling;
using Halo.Api.Sites;
using Halo.Api.Storage;
using Halo.Contracts.Json;
using Halo.Contracts.Sites;

namespace Halo.Api.Endpoints.ForOperators.Shapes;

/// <summary>A site as operators see it: what integrators see, and which Link serves it.</summary>
sealed record AdminSite : Site
{
    /// <summary>The Link GUID.</summary>
    public Guid LinkId { get; init; }

    /// <summary>Whether its database, machine and PMS ID are the ones an operator knows.</summary>
    public bool Confirmed { get; init; }

    /// <summary>While it waits for confirmation: what it says that it is now.</summary>
    public ReportedSite? Reported { get; init; }
}

/// <summary>A page of sites.</summary>
/// <param name="Sites">At most as many as <c>limit</c> says.</param>
/// <param name="Next">Give it as <c>after</c> for the next page; absent on the last.</param>
sealed record AdminSiteList(IReadOnlyList<AdminSite> Sites, string? Next);

/// <summary>An integrator, without its keys.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">1 to 200 characters.</param>
/// <param name="Enabled">Whether its calls are answered; else 403.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="Pairings">Ids of the sites that it may query.</param>
sealed record AdminIntegrator(Guid Id, string Name, bool Enabled, DateTimeOffset CreatedAt, IReadOnlyList<Guid> Pairings)
{
    /// <summary>From where it may call, as CIDR; empty: from everywhere.</summary>
    public required IReadOnlyList<string> AllowedAddresses { get; init; }

    /// <summary>Names of PMS whose sites it may pair with without a code.</summary>
    public required IReadOnlyList<string> PairWithoutCode { get; init; }

    /// <summary>Requests per second; absent: no limit.</summary>
    public int? RateLimit { get; init; }

    /// <summary>Queries per day, UTC; absent: no limit.</summary>
    public long? Quota { get; init; }
}

/// <summary>A page of the audit log, oldest first.</summary>
/// <param name="Audit">At most as many as <c>limit</c> says.</param>
/// <param name="Next">Give it as <c>after</c> for the next page; absent on the last.</param>
sealed record AuditEntryList(IReadOnlyList<AuditEntry> Audit, string? Next);

/// <summary>A page of integrators.</summary>
/// <param name="Integrators">At most as many as <c>limit</c> says.</param>
/// <param name="Next">Give it as <c>after</c> for the next page; absent on the last.</param>
sealed record AdminIntegratorList(IReadOnlyList<AdminIntegrator> Integrators, string? Next);

/// <summary>A key that was rotated: the only time it is shown.</summary>
/// <param name="Key">The new key.</param>
sealed record RotatedKey(string Key);

/// <summary>Asks for an integrator.</summary>
/// <param name="Name">1 to 200 characters; required.</param>
sealed record CreateIntegratorRequest(string? Name);

/// <summary>Changes an integrator; what is absent stays. Empty lists and 0 take a limit away.</summary>
/// <param name="Name">1 to 200 characters.</param>
/// <param name="Enabled">Whether its calls are answered.</param>
/// <param name="AllowedAddresses">From where it may call: addresses or ranges as 203.0.113.0/24, at most 200; empty: from everywhere.</param>
/// <param name="PairWithoutCode">Names of PMS whose sites it may pair with without a code, at most 200; never Best Practice.</param>
/// <param name="RateLimit">Requests per second, 1 to 100000; 0: no limit.</param>
/// <param name="Quota">Queries per day, UTC, 1 to 1000000000000; 0: no limit.</param>
sealed record PatchIntegratorRequest(
    string? Name, bool? Enabled, IReadOnlyList<string>? AllowedAddresses, IReadOnlyList<string>? PairWithoutCode, int? RateLimit, long? Quota);

/// <summary>Beside a decision about a site.</summary>
/// <param name="CopyPairings">With authority alone: take the pairings of the old site along.</param>
/// <param name="Reason">For the audit log.</param>
sealed record SiteDecisionRequest(bool? CopyPairings, string? Reason);

/// <summary>Source-generated JSON of the operator's side.</summary>
[JsonSourceGenerationOptions(
    JsonSerializerDefaults.Web,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(UtcTimeConverter)])]
[JsonSerializable(typeof(ApproveLinkRequest))]
[JsonSerializable(typeof(AdminSite))]
[JsonSerializable(typeof(AdminSiteList))]
[JsonSerializable(typeof(AdminIntegrator))]
[JsonSerializable(typeof(AdminIntegratorList))]
[JsonSerializable(typeof(AuditEntryList))]
[JsonSerializable(typeof(SiteDecisionRequest))]
[JsonSerializable(typeof(AdminLink))]
[JsonSerializable(typeof(AdminLinkDetail))]
[JsonSerializable(typeof(AdminLinkList))]
[JsonSerializable(typeof(SecondRun))]
[JsonSerializable(typeof(AdminAvailability))]
[JsonSerializable(typeof(UsageList))]
[JsonSerializable(typeof(RotatedKey))]
[JsonSerializable(typeof(NewIntegrator))]
[JsonSerializable(typeof(NewEnrolmentToken))]
[JsonSerializable(typeof(CreateIntegratorRequest))]
[JsonSerializable(typeof(PatchIntegratorRequest))]
[JsonSerializable(typeof(CreateEnrolmentTokenRequest))]
sealed partial class AdminJsonContext : JsonSerializerContext;

/// <summary>The types of <see cref="AdminJsonContext"/>, for answers.</summary>
static class AdminJson
{
    /// <summary>Shared by all.</summary>
    public static AdminJsonContext Default { get; } = new(RelaxedJson.From(AdminJsonContext.Default.Options));
}

using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Halo.Api.Integrators;
using Halo.Api.Links;
using Halo.Api.Sites;
using Halo.Contracts.Json;
using Halo.Contracts.Sites;

namespace Halo.Api.Admin;

/// <summary>A site as operators see it: what integrators see, and which Link serves it.</summary>
public sealed record AdminSite : Site
{
    /// <summary>The Link GUID.</summary>
    public Guid LinkId { get; init; }

    /// <summary>Whether its database, machine and PMS ID are the ones an operator knows.</summary>
    public bool Confirmed { get; init; }

    /// <summary>While it waits for confirmation: what it says that it is now.</summary>
    public ReportedSite? Reported { get; init; }
}

/// <summary>A page of sites.</summary>
public sealed record AdminSiteList(IReadOnlyList<AdminSite> Sites, string? Next);

/// <summary>An integrator, without its keys.</summary>
public sealed record AdminIntegrator(Guid Id, string Name, bool Enabled, DateTimeOffset CreatedAt, IReadOnlyList<Guid> Pairings)
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

/// <summary>One line of the audit log.</summary>
/// <param name="Subject">Ids of what it was done to.</param>
public sealed record AuditEntry(Guid Id, DateTimeOffset At, string Actor, string Action, string Subject, JsonNode? Detail);

/// <summary>A page of the audit log, oldest first.</summary>
public sealed record AuditEntryList(IReadOnlyList<AuditEntry> Audit, string? Next);

/// <summary>A page of integrators.</summary>
public sealed record AdminIntegratorList(IReadOnlyList<AdminIntegrator> Integrators, string? Next);

/// <summary>A key that was rotated: the only time it is shown.</summary>
public sealed record RotatedKey(string Key);

/// <summary>A new enrolment token: the only time it is shown.</summary>
public sealed record NewEnrolmentToken(Guid Id, string Token, DateTimeOffset ExpiresAt);

/// <summary>Asks for an integrator.</summary>
public sealed record CreateIntegratorRequest(string? Name);

/// <summary>Changes an integrator; what is absent stays. Empty lists and 0 take a limit away.</summary>
public sealed record PatchIntegratorRequest(
    string? Name, bool? Enabled, IReadOnlyList<string>? AllowedAddresses, IReadOnlyList<string>? PairWithoutCode, int? RateLimit, long? Quota);

/// <summary>Beside a decision about a site.</summary>
/// <param name="CopyPairings">With authority alone: take the pairings of the old site along.</param>
/// <param name="Reason">For the audit log.</param>
public sealed record SiteDecisionRequest(bool? CopyPairings, string? Reason);

/// <summary>Asks for an enrolment token.</summary>
public sealed record CreateEnrolmentTokenRequest(int? ExpiresInMinutes, int? Uses, string? PracticeManagementName, string? PracticeManagementSiteId);

/// <summary>Source-generated JSON of the operator's side.</summary>
[JsonSourceGenerationOptions(
    JsonSerializerDefaults.Web,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(UtcTimeConverter)])]
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
public sealed partial class AdminJson : JsonSerializerContext;

using System.Text.Json;
using System.Text.Json.Serialization;
using Halo.Contracts.Json;

namespace Halo.Contracts.Admin;

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
[JsonSerializable(typeof(AdminRelease))]
[JsonSerializable(typeof(AdminReleaseList))]
[JsonSerializable(typeof(ReleaseRingRequest))]
[JsonSerializable(typeof(ReleaseDecisionRequest))]
[JsonSerializable(typeof(LinkUpdateRequest))]
[JsonSerializable(typeof(CreateOperatorRequest))]
[JsonSerializable(typeof(ChangeOperatorRequest))]
[JsonSerializable(typeof(NewOperator))]
[JsonSerializable(typeof(AdminOperator))]
[JsonSerializable(typeof(AdminOperatorList))]
[JsonSerializable(typeof(CurrentOperator))]
[JsonSerializable(typeof(AdminEnrolmentTokenList))]
[JsonSerializable(typeof(ProblemList))]
public sealed partial class AdminJsonContext : JsonSerializerContext;

/// <summary>The types of <see cref="AdminJsonContext"/>, for answers.</summary>
public static class AdminJson
{
    /// <summary>Shared by all.</summary>
    public static AdminJsonContext Default { get; } = new(RelaxedJson.From(AdminJsonContext.Default.Options));
}

using System.Text.Json;
using System.Text.Json.Serialization;
using Halo.Contracts.Errors;
using Halo.Contracts.Events;
using Halo.Contracts.Queries;
using Halo.Contracts.Service;
using Halo.Contracts.Sites;

namespace Halo.Contracts.Json;

/// <summary>Source-generated JSON of the contract: camelCase, nulls left out, times in UTC with milliseconds.</summary>
[JsonSourceGenerationOptions(
    JsonSerializerDefaults.Web,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(UtcTimeConverter)])]
[JsonSerializable(typeof(Query))]
[JsonSerializable(typeof(QueryRequest))]
[JsonSerializable(typeof(QueryCommand))]
[JsonSerializable(typeof(CommandDescription))]
[JsonSerializable(typeof(QueryStatusRequest))]
[JsonSerializable(typeof(QueryStatusResponse))]
[JsonSerializable(typeof(QueryList))]
[JsonSerializable(typeof(SurveyRequest))]
[JsonSerializable(typeof(Survey))]
[JsonSerializable(typeof(SurveyList))]
[JsonSerializable(typeof(SurveySiteList))]
[JsonSerializable(typeof(PageContent))]
[JsonSerializable(typeof(RegisteredQueryRequest))]
[JsonSerializable(typeof(RegisteredQueryAccepted))]
[JsonSerializable(typeof(RegisteredQueryList))]
[JsonSerializable(typeof(RegisteredQuery))]
[JsonSerializable(typeof(RegisteredResult))]
[JsonSerializable(typeof(RegisteredChangeList))]
[JsonSerializable(typeof(HaloEvent))]
[JsonSerializable(typeof(QueryNotification))]
[JsonSerializable(typeof(WebhookRequest))]
[JsonSerializable(typeof(Webhook))]
[JsonSerializable(typeof(WebhookSecret))]
[JsonSerializable(typeof(WebhookList))]
[JsonSerializable(typeof(WebhookDelivery))]
[JsonSerializable(typeof(WebhookDeliveryList))]
[JsonSerializable(typeof(IReadOnlyList<WebhookAttempt>))]
[JsonSerializable(typeof(Site))]
[JsonSerializable(typeof(SiteList))]
[JsonSerializable(typeof(DatabaseSchema))]
[JsonSerializable(typeof(ErrorResponse))]
[JsonSerializable(typeof(ErrorDetails))]
[JsonSerializable(typeof(IReadOnlyList<OutputParameter>))]
[JsonSerializable(typeof(IReadOnlyList<ResultColumn>))]
[JsonSerializable(typeof(IReadOnlyList<SiteCatalogue>))]
[JsonSerializable(typeof(IReadOnlyList<string>))]
[JsonSerializable(typeof(DatabaseHealth))]
[JsonSerializable(typeof(LimitsInForce))]
[JsonSerializable(typeof(HealthReport))]
public sealed partial class HaloJsonContext : JsonSerializerContext;

/// <summary>The types of <see cref="HaloJsonContext"/>, for answers.</summary>
public static class HaloJson
{
    /// <summary>Shared by all.</summary>
    public static HaloJsonContext Default { get; } = new(RelaxedJson.From(HaloJsonContext.Default.Options));
}

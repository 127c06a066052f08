using System.Text.Json;
using System.Text.Json.Serialization;
using Halo.Api.Queries.Requests;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Queries.Surveys;

/// <summary>What a survey asks, as it is kept, sealed, while it runs.</summary>
sealed record StoredSurvey(QueryCommand Command)
{
    public CommandBatch? Batch { get; init; }
    public string? Catalogue { get; init; }
    public long CommandSize { get; init; }
    public long RequestSize { get; init; }
    public long SqlSize { get; init; }
    public string? Tag { get; init; }
    public int? RetentionHours { get; init; }

    public static byte[] Write(QuerySubmission asked) => JsonSerializer.SerializeToUtf8Bytes(new StoredSurvey(asked.Command)
    {
        Batch = asked.Batch,
        Catalogue = asked.Catalogue,
        CommandSize = asked.CommandSize,
        RequestSize = asked.RequestSize,
        SqlSize = asked.SqlSize,
        Tag = asked.Tag,
        RetentionHours = asked.RetentionHours,
    }, SurveyJson.Default.StoredSurvey);

    public static StoredSurvey Read(byte[] json) => JsonSerializer.Deserialize(json, SurveyJson.Default.StoredSurvey)!;

    /// <summary>The query of one site.</summary>
    /// <param name="maxTimeInQueue">Milliseconds that are left of the survey's time.</param>
    public QuerySubmission ToSubmission(int maxTimeInQueue) => new(Command, QueryMode.Async, Catalogue, maxTimeInQueue)
    {
        Batch = Batch,
        CommandSize = CommandSize,
        RequestSize = RequestSize,
        SqlSize = SqlSize,
        Tag = Tag,
        RetentionHours = RetentionHours,
    };
}

/// <summary>JSON of <see cref="StoredSurvey"/>.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(StoredSurvey))]
sealed partial class SurveyJson : JsonSerializerContext;

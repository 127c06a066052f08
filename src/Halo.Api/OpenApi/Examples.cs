using System.Text.Json;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Microsoft.AspNetCore.WebUtilities;

namespace Halo.Api.OpenApi;

/// <summary>Requests and answers as the description shows them: real records, so they cannot differ from what is sent.</summary>
static class Examples
{
    public static readonly Guid SiteId = Guid.Parse("6b1f0a52-6a6e-4c43-9d0c-1f6f3f6d8a11"), IntegratorId = Guid.Parse("0d2a8c3e-54f1-4a35-8f6b-9a7b1c2d3e4f");
    public static readonly Guid QueryId = Guid.Parse("0199e2a4-7c1e-7b52-8a70-3d1f4b6c9e20"), LinkId = Guid.Parse("8c4e7a10-2b9d-4f63-a1c5-7e0d9b3f5a62");
    public static readonly DateTimeOffset At = new(2026, 3, 5, 14, 30, 0, 123, TimeSpan.Zero);
    public static readonly ResultColumn[] Columns = [new("last_name", SqlType.NVarChar, "TEXT") { Nullable = true }, new("visits", SqlType.BigInt, "INTEGER") { Nullable = false }];

    public static readonly QueryRequest Ask = new()
    {
        MaxTimeInQueue = 5000,
        Catalogue = "Patients",
        Command = new QueryCommand("SELECT last_name, visits FROM patients WHERE id = @id")
        {
            Parameters = [new CommandParameter("@id") { Type = SqlType.Int, Value = JsonSerializer.SerializeToElement("66") }],
            Timeout = 10_000,
        },
    };

    public static readonly QueryRequest AskOldForm = new() { Mode = QueryMode.Async, SqlQuery = "SELECT last_name, visits FROM patients" };

    static readonly Query Sent = new()
    {
        Id = QueryId,
        IntegratorId = IntegratorId,
        SiteId = SiteId,
        Mode = QueryMode.Immediate,
        Status = QueryStatus.Executing,
        MaxTimeInQueue = 5000,
        CommandSize = 172,
        RequestSize = 238,
        SqlQuerySize = 53,
        CreatedAt = At,
        UpdatedAt = At,
        StatusTiming = new StatusTiming { Initialising = new(At, At.AddMilliseconds(1)), Executing = new(At.AddMilliseconds(1), null) },
    };

    static readonly Query Ended = Sent with
    {
        UpdatedAt = At.AddMilliseconds(9),
        CompletedAt = At.AddMilliseconds(9),
        StatusTiming = new StatusTiming { Initialising = new(At, At.AddMilliseconds(1)), Executing = new(At.AddMilliseconds(1), At.AddMilliseconds(9)) },
    };

    public static readonly Query Successful = Ended with
    {
        Status = QueryStatus.Successful,
        Metrics = new QueryMetrics { SqlExecutionDuration = 3, QueueDuration = 1, LinkDuration = 0, EncodeDuration = 0 },
        ResultSize = 35,
        Result = new QueryResult
        {
            Rows = 1,
            Size = 35,
            Data = Convert.ToBase64String("""[{"last_name":"Smith","visits":12}]"""u8),
            Parameters = [],
            Columns = Columns,
            ResultSets = 1,
        },
    };

    public static readonly Query DatabaseError = Failed(QueryStatus.ExecutionFailed, Executed.No, new(ErrorTypes.Sqlite, 1, "no such table: patient"));

    public static readonly Query PolicyRefused = Failed(QueryStatus.ExecutionFailed, Executed.No,
        new(ErrorTypes.HaloLink, 403, "The practice's policy does not allow this integrator nonQuery.") { Code = FailureCodes.PolicyRefused });

    public static readonly Query Cancelled = Failed(QueryStatus.Cancelled, Executed.No,
        new(ErrorTypes.Http, 409, "The query was cancelled at the integrator's request.") { Code = FailureCodes.CancelledByIntegrator });

    public static readonly Query TooLarge = Failed(QueryStatus.ExecutionFailed, Executed.Yes,
        new(ErrorTypes.Http, 413, "The result is over the limit. The query was executed. Ask for less, stream the rows (Accept: application/x-ndjson or text/csv), or use an async query.") { Code = FailureCodes.ResultTooLarge });

    public static readonly CommandDescription Description = new(QueryId,
        [new("last_name", SqlType.NVarChar, "character varying(40)") { Size = 40 }, new("visits", SqlType.Int, "integer")],
        [new("@id", ParameterDirection.Input, SqlType.Int, "integer")]);

    public static readonly Query SiteAway = WithError(ErrorCodes.SiteAway, Failed(QueryStatus.InitialisationFailedSiteOffline, Executed.No,
        new(ErrorTypes.Http, 503, "The site is offline: its Halo Link was stopped. Nothing ran.") { Code = FailureCodes.SiteAway }));

    public static readonly Query NoAnswer = WithError(ErrorCodes.NoAnswer, Failed(QueryStatus.Executing, Executed.Unknown,
        new(ErrorTypes.Http, 504, "The site did not answer in time; the query was sent and may have taken effect.") { Code = FailureCodes.NoAnswer }) with
    {
        CompletedAt = null,
        StatusTiming = Sent.StatusTiming,
    });

    public static readonly Query Queued = Sent with
    {
        Mode = QueryMode.Async,
        Status = QueryStatus.Queued,
        MaxTimeInQueue = 3_600_000,
        Tag = "nightly",
        StatusTiming = new StatusTiming { Initialising = new(At, At), Queued = new(At, null) },
    };

    public static readonly Query Export = Queued with
    {
        Status = QueryStatus.Successful,
        UpdatedAt = At.AddSeconds(4),
        CompletedAt = At.AddSeconds(4),
        StatusTiming = new StatusTiming
        {
            Initialising = new(At, At),
            Queued = new(At, At.AddSeconds(1)),
            Executing = new(At.AddSeconds(1), At.AddSeconds(3)),
            Uploading = new(At.AddSeconds(3), At.AddSeconds(4)),
        },
        Metrics = new QueryMetrics { QueueDuration = 1000, LinkDuration = 0, SqlExecutionDuration = 12, EncodeDuration = 1850, UploadDuration = 1000 },
        ResultSize = 1_400_000,
        Result = new QueryResult
        {
            Rows = 40_000,
            Size = 1_400_000,
            Parameters = [],
            Columns = Columns,
            ResultSets = 1,
            Pages = [new(1, PageStatus.Cached, 1_048_580, RowRange.From(0, 29_960)), new(2, PageStatus.Cached, 351_420, RowRange.From(29_960, 10_040))],
        },
    };

    public static readonly Site Site = new()
    {
        Id = SiteId,
        PmsType = "BestPractice",
        Availability = SiteAvailability.Online,
        Status = SiteStatus.Active,
        HaloLinkVersion = "26.305.12",
        Catalogue = [new("Patients", true), new("Images", false)],
        PracticeMetadata = new() { PmsType = "BestPractice", PracticeName = "Main Street Clinic", PracticeManagementSiteId = "12345", PracticeManagementVersion = "1.12" },
        EnrichedAt = At,
        Name = "Main Street Clinic",
        PracticeManagementSiteId = "12345",
        PracticeManagementName = "Best Practice",
        PracticeManagementVersion = "1.12",
        CreatedAt = At.AddDays(-30),
        Authoritative = true,
        HeartbeatTimestamp = At,
        ClientTimestamp = At.AddMilliseconds(-400),
        ClockDriftMs = -400,
        Database = new(DatabaseStatus.Healthy) { CheckedAt = At, LatencyMs = 1 },
    };

    public static readonly RowsExample[] Rows =
    [
        new(Results.Formats.RowForms.ArrayType, System.Text.Json.Nodes.JsonNode.Parse("""[{"last_name":"Smith","visits":12}]""")!),
        new(Results.Formats.RowForms.TableType, System.Text.Json.Nodes.JsonNode.Parse(
            """[[{"name":"last_name","type":"NVarChar","databaseType":"varchar"},{"name":"visits","type":"Int","databaseType":"integer"}],{"last_name":"Smith","visits":12}]""")!),
        new(Results.Formats.RowForms.LinesType, "{\"last_name\":\"Smith\",\"visits\":12}\n"),
        new(Results.Formats.RowForms.CsvType, "last_name,visits\r\nSmith,12\r\n"),
    ];

    static Query Failed(QueryStatus status, Executed executed, ErrorDetails error) => Ended with
    {
        Status = status,
        Executed = executed,
        ErrorDetails = error,
        ErrorCode = error.ErrorCode,
        ErrorMessage = error.ErrorMessage,
    };

    static Query WithError(string code, Query query) => query with
    {
        Error = new ApiError(query.ErrorCode!.Value, ReasonPhrases.GetReasonPhrase(query.ErrorCode.Value), query.ErrorMessage!) { Code = code },
    };
}

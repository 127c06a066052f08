using System.Text.Json;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;

namespace Halo.Contracts.Tests;

public class ContractJsonTests
{
    static readonly Guid Id = Guid.Parse("0198F0AA-0000-7000-8000-00000000000A");
    static readonly DateTimeOffset Time = new(2026, 3, 6, 1, 30, 0, TimeSpan.FromHours(11));

    [Fact]
    public void A_query_has_the_names_the_casing_and_the_times_of_the_contract()
    {
        var query = new Query
        {
            Id = Id,
            IntegratorId = Id,
            SiteId = Id,
            Mode = QueryMode.Immediate,
            Status = QueryStatus.InitialisationFailedSiteOffline,
            MaxTimeInQueue = 0,
            CommandSize = 1,
            RequestSize = 2,
            SqlQuerySize = 3,
            CreatedAt = Time,
            UpdatedAt = Time,
            StatusTiming = new() { Initialising = new(Time, null) },
            Executed = Executed.No,
        };
        Assert.Equal(
            """{"id":"0198f0aa-0000-7000-8000-00000000000a","integratorId":"0198f0aa-0000-7000-8000-00000000000a","""
            + "\"siteId\":\"0198f0aa-0000-7000-8000-00000000000a\",\"mode\":\"immediate\",\"status\":\"initialisationFailedSiteOffline\","
            + "\"maxTimeInQueue\":0,\"commandSize\":1,\"requestSize\":2,\"sqlQuerySize\":3,"
            + "\"createdAt\":\"2026-03-05T14:30:00.000Z\",\"updatedAt\":\"2026-03-05T14:30:00.000Z\","
            + "\"statusTiming\":{\"initialising\":{\"startTime\":\"2026-03-05T14:30:00.000Z\"}},\"executed\":\"no\"}",
            JsonSerializer.Serialize(query, HaloJson.Default.Query));
    }

    [Theory]
    [InlineData(QueryStatus.Initialising, "initialising")]
    [InlineData(QueryStatus.InitialisationFailedCacheError, "initialisationFailedCacheError")]
    [InlineData(QueryStatus.InitialisationFailedSiteOffline, "initialisationFailedSiteOffline")]
    [InlineData(QueryStatus.InitialisationFailedSiteUnreachable, "initialisationFailedSiteUnreachable")]
    [InlineData(QueryStatus.Queued, "queued")]
    [InlineData(QueryStatus.ExpiredInQueue, "expiredInQueue")]
    [InlineData(QueryStatus.Executing, "executing")]
    [InlineData(QueryStatus.ExecutionFailed, "executionFailed")]
    [InlineData(QueryStatus.Uploading, "uploading")]
    [InlineData(QueryStatus.UploadFailed, "uploadFailed")]
    [InlineData(QueryStatus.Successful, "successful")]
    [InlineData(QueryStatus.Cancelled, "cancelled")]
    public void Every_state_has_the_contracts_word(QueryStatus status, string word) =>
        Assert.Equal($"\"{word}\"", JsonSerializer.Serialize(status));

    [Fact]
    public void Every_state_is_in_the_list_above() => Assert.Equal(12, Enum.GetValues<QueryStatus>().Length);

    [Fact]
    public void A_command_of_the_original_service_is_read_as_it_is_written()
    {
        var command = JsonSerializer.Deserialize("""
            { "text": "SELECT 1", "executionMode": "nonQuery", "type": "storedProcedure", "unknown": 1,
              "parameters": [ { "name": "@id", "direction": "inputOutput", "type": "BigInt", "value": "66", "size": 4 } ], "timeout": 30000 }
            """, HaloJson.Default.QueryCommand)!;
        Assert.Equal(ExecutionMode.NonQuery, command.ExecutionMode);
        Assert.Equal(CommandType.StoredProcedure, command.Type);
        var parameter = Assert.Single(command.Parameters!);
        Assert.Equal(ParameterDirection.InputOutput, parameter.Direction);
        Assert.Equal(SqlType.BigInt, parameter.Type);
        Assert.Equal("66", parameter.Value!.Value.GetString());
    }

    [Fact]
    public void A_command_that_names_only_its_text_reads_rows()
    {
        var command = JsonSerializer.Deserialize("""{"text":"SELECT 1"}""", HaloJson.Default.QueryCommand)!;
        Assert.Equal(ExecutionMode.Reader, command.ExecutionMode);
        Assert.Equal(CommandType.Text, command.Type);
        Assert.Null(command.Parameters);
    }

    [Fact]
    public void An_enum_as_a_number_is_refused() =>
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize("""{"text":"SELECT 1","executionMode":1}""", HaloJson.Default.QueryCommand));

    [Fact]
    public void An_output_parameter_that_is_NULL_says_so() =>
        Assert.Equal("""[{"name":"@p","direction":"output","type":"NVarChar","value":null}]""",
            JsonSerializer.Serialize([new("@p", ParameterDirection.Output, SqlType.NVarChar, null, null)], HaloJson.Default.IReadOnlyListOutputParameter));

    [Fact]
    public void A_page_without_rows_has_no_range()
    {
        var query = new ResultPage(1, PageStatus.Cached, 2, RowRange.From(0, 0));
        var json = JsonSerializer.Serialize(new QueryResult { Size = 2, Pages = [query, new(2, PageStatus.Queued, 0, RowRange.From(0, 10))] }, QueryResultType());
        Assert.Contains("\"rows\":{\"count\":0}", json, StringComparison.Ordinal);
        Assert.Contains("\"rows\":{\"count\":10,\"rangeStart\":0,\"rangeEnd\":9}", json, StringComparison.Ordinal);
        Assert.Contains("\"status\":\"cached\"", json, StringComparison.Ordinal);
    }

    [Fact]
    public void An_error_has_the_general_shape() =>
        Assert.Equal("""{"error":{"status":404,"statusText":"Not Found","message":"m","code":"NotFound"}}""",
            JsonSerializer.Serialize(new ErrorResponse(new(404, "Not Found", "m") { Code = ErrorCodes.NotFound }), HaloJson.Default.ErrorResponse));

    [Fact]
    public void A_site_names_its_heartbeats_as_the_contract_does()
    {
        var json = JsonSerializer.Serialize(new Site
        {
            Id = Id,
            PmsType = PmsNames.TypeOf("Best Practice"),
            Availability = SiteAvailability.Unreachable,
            Status = SiteStatus.Active,
            Catalogue = [new("Patients", true)],
            PracticeManagementName = "Best Practice",
            PracticeManagementSiteId = "1",
            CreatedAt = Time,
            Authoritative = true,
            HeartbeatTimestamp = Time,
            ClientTimestamp = Time,
        }, HaloJson.Default.Site);
        Assert.Contains("\"pmsType\":\"BestPractice\"", json, StringComparison.Ordinal);
        Assert.Contains("\"availability\":\"unreachable\"", json, StringComparison.Ordinal);
        Assert.Contains("\"heartbeatTimestampUTC\":\"2026-03-05T14:30:00.000Z\"", json, StringComparison.Ordinal);
        Assert.Contains("\"clientTimestampUTC\":", json, StringComparison.Ordinal);
        Assert.Contains("\"catalogue\":[{\"name\":\"Patients\",\"isDefault\":true}]", json, StringComparison.Ordinal);
        Assert.DoesNotContain("null", json, StringComparison.Ordinal);
    }

    static System.Text.Json.Serialization.Metadata.JsonTypeInfo<QueryResult> QueryResultType() =>
        (System.Text.Json.Serialization.Metadata.JsonTypeInfo<QueryResult>)HaloJson.Default.GetTypeInfo(typeof(QueryResult))!;

    [Theory]
    [InlineData("\"2026-03-03-05T14:30:00.000Z\"")]
    [InlineData("\"\"")]
    [InlineData("5")]
    public void A_time_that_is_none_is_a_fault_of_the_json(string time) =>
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize($$"""{ "status": "healthy", "checkedAt": {{time}} }""", HaloJson.Default.DatabaseHealth));
}

using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.LinkProtocol.Enrolment;
using Halo.LinkProtocol.Messages;

namespace Halo.LinkProtocol.Tests.Messages;

public class MessageJsonTests
{
    static readonly Guid Id = Guid.Parse("0198f0aa-0000-7000-8000-000000000001");
    static readonly DateTimeOffset Time = new(2026, 3, 5, 14, 30, 0, 123, TimeSpan.Zero);

    public static TheoryData<string, object, JsonTypeInfo> Every => new()
    {
        { nameof(Hello), new Hello(Id, "26.305.1", Time, [Site()]) { MachineId = "m", Claims = [new(Id, Id, 7, ClaimPhase.HandedBack)], LastClaimNumber = 9, Immediates = [Id] }, ProtocolJson.Default.Hello },
        { nameof(Welcome), new Welcome(Id, "26.305.1", 60, [new(Id, Verdict.Drop)], [new(Id, true, false, "why")]), ProtocolJson.Default.Welcome },
        { nameof(RemoteConfiguration), Configuration(), ProtocolJson.Default.RemoteConfiguration },
        { "Welcome with configuration", new Welcome(Id, "26.305.1", 60, [], []) { Capabilities = [Welcome.TakesSiteChanges], Configuration = Configuration() }, ProtocolJson.Default.Welcome },
        { nameof(ConfigurationAck), new ConfigurationAck(7, [new("asyncLanes", "too many") { SiteId = Id }]), ProtocolJson.Default.ConfigurationAck },
        { nameof(SiteChanges), new SiteChanges(Id, [Site()]), ProtocolJson.Default.SiteChanges },
        { nameof(SiteNotices), new SiteNotices([new(Id, true, true, "ok")]) { Answers = Id }, ProtocolJson.Default.SiteNotices },
        { nameof(Heartbeat), new Heartbeat(Time, "26.305.1", 5, new(1, 2, 3, 4), [new(Id, new(DatabaseStatus.Healthy) { CheckedAt = Time, LatencyMs = 2 })], 10, 0), ProtocolJson.Default.Heartbeat },
        { nameof(Renew), new Renew("token"), ProtocolJson.Default.Renew },
        { nameof(Execute), new Execute(Id, Id, Command(), 30000, 60000, 8 << 20) { Catalogue = "Patients", ResultSet = 2, Tag = "t" }, ProtocolJson.Default.Execute },
        { nameof(ResultHead), new ResultHead([new("a", SqlType.BigInt, "INTEGER") { Nullable = true }]), ProtocolJson.Default.ResultHead },
        { nameof(Outcome), new Outcome(Ending.Failed, Executed.No) { Rows = 1, Error = new("sqlite", 1, "no such table") { Code = "x" }, Timings = new(1, 2, 3) }, ProtocolJson.Default.Outcome },
        { nameof(ClaimRequest), new ClaimRequest(2), ProtocolJson.Default.ClaimRequest },
        { nameof(Claims), new Claims([new(Id, Id, 3, Id, Id, Command(), 1, 2, 3)]), ProtocolJson.Default.Claims },
        { nameof(Report), new Report(Id, ReportKind.Complete) { Executed = Executed.Yes, PageCount = 3, Digest = "d", Parameters = [new("@p", ParameterDirection.Output, SqlType.Int, null, 4)] }, ProtocolJson.Default.Report },
        { nameof(ReportAck), new ReportAck(Id, ReportKind.Complete, false, QueryStatus.Uploading) { MissingPages = [2] }, ProtocolJson.Default.ReportAck },
        { nameof(NonceResponse), new NonceResponse("n"), ProtocolJson.Default.NonceResponse },
        { nameof(EnrolRequest), new EnrolRequest(Id, new("x", "y"), "26.305.1", [Site()]) { Host = new("h", "os", 2), EnrolmentToken = "t" }, ProtocolJson.Default.EnrolRequest },
        { nameof(EnrolResponse), new EnrolResponse(Id, "enrolled", []), ProtocolJson.Default.EnrolResponse },
        { nameof(TokenResponse), new TokenResponse("a", "Bearer", 600), ProtocolJson.Default.TokenResponse },
    };

    [Theory, MemberData(nameof(Every))]
    public void A_message_says_the_same_after_its_way(string name, object message, JsonTypeInfo type)
    {
        var sent = JsonSerializer.Serialize(message, type);
        var read = JsonSerializer.Deserialize(sent, type);
        Assert.Equal(sent, JsonSerializer.Serialize(read, type));
        Assert.NotEmpty(name);
    }

    [Theory, MemberData(nameof(Every))]
    public void What_a_newer_end_adds_to_a_message_is_ignored(string name, object message, JsonTypeInfo type)
    {
        var sent = JsonSerializer.Serialize(message, type);
        var newer = JsonNode.Parse(sent)!.AsObject();
        newer["addedByANewerVersion"] = new JsonObject { ["deep"] = new JsonArray(1, 2) };
        var read = JsonSerializer.Deserialize(newer.ToJsonString(), type);
        Assert.Equal(sent, JsonSerializer.Serialize(read, type));
        Assert.NotEmpty(name);
    }

    [Fact]
    public void Names_are_camelCase_nulls_are_left_out_and_times_have_milliseconds_and_Z()
    {
        var json = JsonSerializer.Serialize(new Hello(Id, "26.305.1", Time, []), ProtocolJson.Default.Hello);
        Assert.Contains("\"clockUtc\":\"2026-03-05T14:30:00.123Z\"", json, StringComparison.Ordinal);
        Assert.DoesNotContain("null", json, StringComparison.Ordinal);
        Assert.DoesNotContain("machineId", json, StringComparison.Ordinal);
    }

    [Fact]
    public void A_token_answer_has_the_names_of_RFC_6749() =>
        Assert.Equal("""{"access_token":"a","token_type":"Bearer","expires_in":600}""",
            JsonSerializer.Serialize(new TokenResponse("a", "Bearer", 600), ProtocolJson.Default.TokenResponse));

    [Fact]
    public void A_part_that_must_be_there_and_is_null_is_refused_by_its_path()
    {
        var refused = Assert.Throws<JsonException>(() => JsonSerializer.Deserialize("""{"immediates":null}""", ProtocolJson.Default.Farewell));
        Assert.Equal("$.immediates", refused.Path);
    }

    [Fact]
    public void What_an_older_end_leaves_out_has_its_default()
    {
        var execute = JsonSerializer.Deserialize(
            $$"""{"siteId":"{{Id}}","integratorId":"{{Id}}","command":{"text":"SELECT 1"},"waitMs":1,"limitMs":2,"maxResultBytes":3}""",
            ProtocolJson.Default.Execute)!;
        Assert.Equal(1, execute.ResultSet);
        Assert.Equal(ProtocolLimits.CreditWindowBytes, execute.Credit);
        Assert.Equal(ExecutionMode.Reader, execute.Command!.ExecutionMode);
    }

    [Fact]
    public void A_Hello_of_few_words_holds_nothing()
    {
        var hello = JsonSerializer.Deserialize(
            $$"""{"runId":"{{Id}}","linkVersion":"1","clockUtc":"2026-03-05T14:30:00.123Z","sites":[]}""", ProtocolJson.Default.Hello)!;
        Assert.Empty(hello.Claims);
        Assert.Empty(hello.Immediates);
        Assert.Empty(hello.Capabilities);
        Assert.Equal(1, hello.ProtocolVersion);
    }

    [Fact]
    public void An_enrolments_proof_covers_nonce_line_feed_and_body() =>
        Assert.Equal("abc\n{}"u8.ToArray(), LinkHttp.ProofBytes("abc", "{}"u8));

    static RemoteConfiguration Configuration()
    {
        using var values = JsonDocument.Parse("""{ "asyncLanes": 1, "logLevel": "debug" }""");
        var settings = values.RootElement.EnumerateObject().ToDictionary(p => p.Name, p => p.Value.Clone());
        return new(7, settings, [new(Id, settings)]);
    }

    static SiteDescription Site() => new(Id, "sqlite", "Best Practice", "12345", [new("Patients", true)]) { PracticeName = "Main Street Clinic" };

    static QueryCommand Command() => new("SELECT @a") { Parameters = [new("@a") { Type = SqlType.Int }] };
}

using System.Text.Json;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.LinkProtocol.Messages;

namespace Halo.LinkProtocol.Tests.Messages;

/// <summary>A word that only a newer end knows never makes a message unreadable, except a command: nothing in that may be guessed.</summary>
public class NewerWordTests
{
    const string Id = "0198f0aa-0000-7000-8000-000000000001";

    [Fact]
    public void In_a_report_it_is_unknown()
    {
        var report = JsonSerializer.Deserialize($$"""
            { "claimId": "{{Id}}", "kind": "halfway", "executed": "perhaps",
              "columns": [ { "name": "a", "type": "Vector", "databaseType": "vector" }, { "name": "b", "type": "Int", "databaseType": "int" } ],
              "parameters": [ { "name": "p", "direction": "sideways", "type": "Vector", "value": "1" } ] }
            """, ProtocolJson.Default.Report)!;
        Assert.Equal((ReportKind.Unknown, Executed.Unknown), (report.Kind, report.Executed));
        Assert.Equal([null, SqlType.Int], report.Columns!.Select(c => c.Type));
        var parameter = Assert.Single(report.Parameters!);
        Assert.Equal((null, ParameterDirection.Output, "1"), (parameter.Type, parameter.Direction, parameter.Value));
    }

    [Fact]
    public void In_every_other_message_it_is_unknown()
    {
        Assert.Equal(Ending.Unknown, JsonSerializer.Deserialize("""{ "ending": "half", "executed": "yes" }""", ProtocolJson.Default.Outcome)!.Ending);
        var hello = JsonSerializer.Deserialize($$"""
            { "runId": "{{Id}}", "linkVersion": "99.1.1", "clockUtc": "2026-03-05T14:30:00.000Z",
              "claims": [ { "queryId": "{{Id}}", "claimId": "{{Id}}", "number": 1, "phase": "dreaming" } ],
              "sites": [ { "id": "{{Id}}", "engine": "oracle", "practiceManagementName": "X", "practiceManagementSiteId": "1", "catalogues": [], "database": { "status": "sleepy" } } ] }
            """, ProtocolJson.Default.Hello)!;
        Assert.Equal((ClaimPhase.Unknown, DatabaseStatus.Unknown), (hello.Claims[0].Phase, hello.Sites[0].Database!.Status));
        var welcome = JsonSerializer.Deserialize($$"""
            { "sessionId": "{{Id}}", "apiVersion": "99.1.1", "heartbeatSeconds": 60, "claims": [ { "claimId": "{{Id}}", "verdict": "pause" } ], "sites": [] }
            """, ProtocolJson.Default.Welcome)!;
        Assert.Equal(Verdict.Unknown, welcome.Claims[0].Verdict);
        var ack = JsonSerializer.Deserialize($$"""{ "claimId": "{{Id}}", "kind": "reading", "accepted": true, "status": "resting" }""", ProtocolJson.Default.ReportAck)!;
        Assert.Null(ack.Status);
    }

    [Theory]
    [InlineData("""{ "text": "SELECT 1", "executionMode": "stream" }""")]
    [InlineData("""{ "text": "SELECT 1", "type": "graph" }""")]
    [InlineData("""{ "text": "SELECT 1", "parameters": [ { "name": "p", "type": "Vector" } ] }""")]
    [InlineData("""{ "text": "SELECT 1", "parameters": [ { "name": "p", "direction": "sideways" } ] }""")]
    public void In_a_command_it_makes_the_message_unreadable_on_the_line_and_from_an_integrator(string command)
    {
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize(command, HaloJson.Default.QueryCommand));
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize(
            $$"""{ "siteId": "{{Id}}", "integratorId": "{{Id}}", "command": {{command}}, "waitMs": 1, "limitMs": 1, "maxResultBytes": 1 }""", ProtocolJson.Default.Execute));
    }

    [Fact]
    public void A_number_is_no_word() =>
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize("""{ "ending": 1, "executed": "yes" }""", ProtocolJson.Default.Outcome));
}

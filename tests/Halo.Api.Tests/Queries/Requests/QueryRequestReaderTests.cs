using System.Text;
using Halo.Api.Queries;
using Halo.Api.Queries.Requests;
using Halo.Api.Sites;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;

namespace Halo.Api.Tests.Queries.Requests;

public class QueryRequestReaderTests
{
    static readonly SiteRecord Site = new()
    {
        Id = Guid.NewGuid(),
        LinkId = Guid.NewGuid(),
        Status = SiteStatus.Active,
        PmsName = "Zedmed",
        PmsId = "1",
        Catalogues = [new("Patients", true), new("Images", false)],
        Metadata = new() { PmsType = "Zedmed", PracticeManagementSiteId = "1" },
        EnrichedAt = default,
        Authoritative = true,
        Confirmed = true,
        CreatedAt = default,
    };

    static (QuerySubmission? Submission, Api.Errors.Refusal? Refusal) Read(string body, QueryMode? mode = QueryMode.Immediate) =>
        new QueryRequestReader(new QueryLimits()).Read(Encoding.UTF8.GetBytes(body), mode, Site);

    static IEnumerable<string> Faults(string body, QueryMode? mode = QueryMode.Immediate) =>
        Read(body, mode).Refusal!.Errors!.Select(e => e.Field);

    [Fact]
    public void A_command_is_read_whole()
    {
        var (read, refusal) = Read("""
            {
              "maxTimeInQueue": 5, "catalogue": "images",
              "command": {
                "text": "SELECT @id", "executionMode": "scalar", "type": "storedProcedure", "timeout": 100, "unknown": 1,
                "parameters": [ { "name": "@id", "direction": "inputOutput", "type": "Int", "value": "66", "size": 4 }, { "name": "n", "value": null } ]
              }
            }
            """);
        Assert.Null(refusal);
        Assert.Equal(5, read!.MaxTimeInQueue);
        Assert.Equal("images", read.Catalogue);
        Assert.Equal(ExecutionMode.Scalar, read.Command.ExecutionMode);
        Assert.Equal(CommandType.StoredProcedure, read.Command.Type);
        Assert.Equal(100, read.Command.Timeout);
        var id = read.Command.Parameters![0];
        Assert.Equal(("@id", ParameterDirection.InputOutput, SqlType.Int, 4), (id.Name, id.Direction, id.Type!.Value, id.Size!.Value));
        Assert.Equal("66", id.Value!.Value.GetString());
        Assert.Null(read.Command.Parameters[1].Type);
    }

    [Fact]
    public void Defaults_are_the_contracts()
    {
        var immediate = Read("""{ "command": { "text": "SELECT 1" } }""").Submission!;
        Assert.Equal(30_000, immediate.MaxTimeInQueue);
        Assert.Equal(ExecutionMode.Reader, immediate.Command.ExecutionMode);
        Assert.Equal(60_000, immediate.ExecutionLimitMs(new QueryLimits()));
        var async = Read("""{ "command": { "text": "SELECT 1" } }""", QueryMode.Async).Submission!;
        Assert.Equal(3_600_000, async.MaxTimeInQueue);
        Assert.Equal(300_000, async.ExecutionLimitMs(new QueryLimits()));
    }

    [Fact]
    public void The_old_form_is_still_read()
    {
        Assert.Equal("SELECT 1", Read("""{ "sqlQuery": "SELECT 1" }""").Submission!.Command.Text);
        Assert.Equal(QueryMode.Async, Read("""{ "sqlQuery": "SELECT 1" }""", null).Submission!.Mode);
        Assert.Equal(QueryMode.Immediate, Read("""{ "sqlQuery": "SELECT 1", "mode": "immediate" }""", null).Submission!.Mode);
    }

    [Fact]
    public void Every_fault_is_told_at_once() =>
        Assert.Equal(
            ["maxTimeInQueue", "catalogue", "command.text", "command.executionMode", "command.type", "command.timeout",
             "command.parameters[0].name", "command.parameters[0].direction", "command.parameters[0].type", "command.parameters[1]"],
            Faults("""
                {
                  "maxTimeInQueue": 60001, "catalogue": "Nowhere",
                  "command": {
                    "text": "  ", "executionMode": "read", "type": 7, "timeout": 60001,
                    "parameters": [ { "direction": "up", "type": "Integer", "value": "1" }, "x" ]
                  }
                }
                """));

    [Theory]
    [InlineData("""{ "command": { "text": "SELECT 1" }, "maxTimeInQueue": 0 }""", true)]
    [InlineData("""{ "command": { "text": "SELECT 1" }, "maxTimeInQueue": 60000 }""", true)]
    [InlineData("""{ "command": { "text": "SELECT 1" }, "maxTimeInQueue": 60001 }""", false)]
    [InlineData("""{ "command": { "text": "SELECT 1" }, "maxTimeInQueue": -1 }""", false)]
    [InlineData("""{ "command": { "text": "SELECT 1", "timeout": 1 } }""", true)]
    [InlineData("""{ "command": { "text": "SELECT 1", "timeout": 60000 } }""", true)]
    [InlineData("""{ "command": { "text": "SELECT 1", "timeout": 0 } }""", false)]
    [InlineData("""{ "command": { "text": "SELECT 1", "timeout": 60001 } }""", false)]
    [InlineData("""{ "command": { "text": "SELECT 1", "parameters": [ { "name": "a" }, { "name": "@A" } ] } }""", false)]
    [InlineData("""{ "command": { "text": "" } }""", false)]
    [InlineData("""{ "command": "SELECT 1" }""", false)]
    [InlineData("""{ }""", false)]
    [InlineData("""[]""", false)]
    [InlineData("""{ "command": { "text": "SELECT 1" """, false)]
    public void Limits_hold_at_below_and_above(string body, bool taken) => Assert.Equal(taken, Read(body).Refusal is null);

    [Theory]
    [InlineData("""{ "command": { "text": "SELECT '\ud800'" } }""", "command.text")]
    [InlineData("""{ "command": { "text": "SELECT @a", "parameters": [ { "name": "@a", "value": "\uDC00" } ] } }""", "command.parameters[0].value")]
    [InlineData("""{ "command": { "text": "SELECT @a", "parameters": [ { "name": "\ud83d", "value": "x" } ] } }""", "command.parameters[0].name")]
    [InlineData("""{ "command": { "text": "EXEC p", "parameters": [ { "name": "t", "type": "Structured", "value": [ { "a": "\ud800" } ] } ] } }""", "command.parameters[0].value[0].a")]
    [InlineData("""{ "catalogue": "\ud800", "command": { "text": "SELECT 1" } }""", "catalogue")]
    public void Half_a_surrogate_pair_is_named(string body, string field) => Assert.Equal([field], Faults(body));

    [Fact]
    public void A_whole_surrogate_pair_is_text() =>
        Assert.Equal("SELECT '\U0001F600'", Read("""{ "command": { "text": "SELECT '\ud83d\ude00'" } }""").Submission!.Command.Text);

    [Fact]
    public void Bytes_that_are_no_text_are_refused_and_a_byte_order_mark_is_passed_over()
    {
        var reader = new QueryRequestReader(new QueryLimits());
        byte[] broken = [.. "{ \"sqlQuery\": \"SELECT '"u8, 0xFF, .. "'\" }"u8];
        Assert.Equal("body", Assert.Single(reader.Read(broken, QueryMode.Immediate, Site).Refusal!.Errors!).Field);
        byte[] marked = [0xEF, 0xBB, 0xBF, .. "{ \"sqlQuery\": \"SELECT 1\" }"u8];
        Assert.NotNull(reader.Read(marked, QueryMode.Immediate, Site).Submission);
        Assert.Contains("empty", reader.Read(ReadOnlyMemory<byte>.Empty, QueryMode.Immediate, Site).Refusal!.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(QueryLimits.TextBytes - 1, true)]
    [InlineData(QueryLimits.TextBytes, true)]
    [InlineData(QueryLimits.TextBytes + 1, false)]
    public void A_text_has_at_most_one_mebibyte_of_utf_8(int bytes, bool taken)
    {
        // é is two bytes.
        var text = new string('é', bytes / 2) + (bytes % 2 == 1 ? "x" : "");
        Assert.Equal(taken, Read($$"""{ "command": { "text": "{{text}}" } }""").Refusal is null);
    }
}

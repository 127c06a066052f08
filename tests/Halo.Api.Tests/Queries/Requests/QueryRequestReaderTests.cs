using System.Text;
using Halo.Api.Errors;
using Halo.Api.Queries.Requests;
using Halo.Api.Settings;
using Halo.Api.Sites;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Tests.Queries.Requests;

public class QueryRequestReaderTests
{
    internal static readonly SiteRecord Site = new()
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
        UpdatedAt = default,
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

    /// <summary>One body of 16 MiB took gigabytes and minutes: each of its millions of items was a fault of its own.</summary>
    [Theory]
    [InlineData("""{ "command": { "text": "SELECT 1", "parameters": [""", "1", "]}}", 60_000)]
    [InlineData("""{ "command": { "text": "SELECT 1", "parameters": [""", "{}", "]}}", 60_000)]
    [InlineData("""{ "command": { "text": "SELECT 1", "parameters": [""", """{"name":"a","value":"\ud800"}""", "]}}", 60_000)]
    [InlineData("""{ "command": { "text": "SELECT 1", "parameters": [""", """{"name":"a"}""", "]}}", 400_000)]
    [InlineData("""{ "command": { "text": "SELECT 1", "parameters": [""", """{"name":"a","nane":1}""", "]}}", 60_000)]
    public void However_many_faults_a_body_holds_the_first_hundred_are_told(string begin, string item, string end, int count)
    {
        var body = Encoding.UTF8.GetBytes(begin + string.Join(',', Enumerable.Repeat(item, count)) + end);
        var reader = new QueryRequestReader(new QueryLimits());
        var before = GC.GetAllocatedBytesForCurrentThread();
        var refusal = reader.Read(body, QueryMode.Immediate, Site).Refusal!;
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(400, refusal.Status);
        Assert.InRange(refusal.Errors!.Count, 1, 100);
        Assert.InRange(allocated, 0, 64L << 20);
    }

    [Theory]
    [InlineData(1000, true)]
    [InlineData(1001, false)]
    public void Unknown_fields_are_looked_up_up_to_a_bound(int count, bool accepted)
    {
        var fields = string.Concat(Enumerable.Range(0, count).Select(i => $"\"zzz{i}\":1,"));
        var (read, refusal) = Read($$"""{ {{fields}} "command": { "text": "SELECT 1" } }""");
        Assert.Equal(accepted, read is not null);
        if (!accepted)
            Assert.Contains("more than 1000 fields", refusal!.Message);
    }

    /// <summary>The place of a fault was written for every value of the body: eight million characters, a million times.</summary>
    [Fact]
    public void Where_half_a_character_stands_is_told_without_the_whole_of_long_names()
    {
        var name = new string('n', 1_000_000);
        var body = $$"""{ "{{name}}": { "{{name}}": [{{string.Join(',', Enumerable.Repeat("\"\"", 5000))}}, "\ud800"] } }""";
        var before = GC.GetAllocatedBytesForCurrentThread();
        var fault = Assert.Single(Read(body).Refusal!.Errors!);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64L << 20);
        Assert.InRange(fault.Field.Length, 1, 300);
        Assert.EndsWith("[5000]", fault.Field);
    }

    [Theory]
    [InlineData(16, true)]
    [InlineData(17, false)]
    [InlineData(58, false)]
    public void A_value_is_nested_no_deeper_than_the_Link_can_read(int depth, bool accepted)
    {
        var (read, refusal) = Read($$"""{ "command": { "text": "SELECT @a", "parameters": [ { "name": "a", "value": {{new string('[', depth)}}{{new string(']', depth)}} } ] } }""");
        Assert.Equal(accepted, read is not null);
        if (!accepted)
            Assert.Equal("command.parameters[0].value", Assert.Single(refusal!.Errors!).Field);
    }

    [Fact]
    public void Parameters_and_their_names_are_bounded()
    {
        string Body(int count, int name, string typeName = "t") => $$"""{ "command": { "text": "SELECT 1", "parameters": [{{string.Join(',', Enumerable.Range(0, count).Select(i => $$"""{"name":"{{i.ToString().PadLeft(name, 'p')}}","typeName":"{{typeName}}"}"""))}}] } }""";
        Assert.Null(Read(Body(65_535, 5)).Refusal);
        Assert.Equal(["command.parameters"], Faults(Body(65_536, 5)));
        Assert.Null(Read(Body(1, 512)).Refusal);
        Assert.Equal(["command.parameters[0].name"], Faults(Body(1, 513)));
        Assert.Equal(["command.parameters[0].typeName"], Faults(Body(1, 1, new string('t', 513))));
    }

    /// <summary>Fifteen million apostrophes came to the Link's session as ninety million bytes, and ended it.</summary>
    [Theory]
    [InlineData("'")]
    [InlineData("<")]
    [InlineData("é")]
    [InlineData("😀")]
    [InlineData("\\u0001")]
    public void A_value_goes_to_the_Link_byte_for_byte(string character)
    {
        var value = $"\"{string.Concat(Enumerable.Repeat(character, 1000))}\"";
        var read = Read($$"""{ "command": { "text": "SELECT @a", "parameters": [ { "name": "a", "value": {{value}} } ] } }""").Submission!;
        var message = System.Text.Json.JsonSerializer.Serialize(new Execute(Site.Id, Guid.NewGuid(), read.Command, 0, 0, 0), ProtocolJson.Default.Execute);
        Assert.Contains(value, message, StringComparison.Ordinal);
        Assert.Contains(value, System.Text.Json.JsonSerializer.Serialize(read.Command, Contracts.Json.HaloJson.Default.QueryCommand), StringComparison.Ordinal);
    }

    [Fact]
    public void A_command_that_no_message_to_the_Link_can_hold_is_refused()
    {
        // Each apostrophe of a name takes six bytes there.
        var parameters = string.Join(',', Enumerable.Range(0, 60_000).Select(i => $$"""{"name":"{{i}}{{new string('\'', 150)}}"}"""));
        var refusal = Read($$"""{ "command": { "text": "SELECT 1", "parameters": [{{parameters}}] } }""").Refusal!;
        Assert.Equal((413, Contracts.Errors.ErrorCodes.RequestTooLarge), (refusal.Status, refusal.Code));
        Assert.EndsWith("Pass long texts as parameter values, or split the command; nothing ran.", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_batch_is_read_in_order()
    {
        var (read, refusal) = Read("""
            { "isolation": "snapshot", "commands": [ { "text": "UPDATE a SET n = 1", "executionMode": "nonQuery" }, { "text": "SELECT 1", "timeout": 5 } ] }
            """);
        Assert.Null(refusal);
        Assert.Equal(["UPDATE a SET n = 1", "SELECT 1"], read!.Batch!.Commands.Select(c => c.Text));
        Assert.Equal(IsolationLevel.Snapshot, read.Batch.Isolation);
        Assert.Equal((26L, false, 60_000), (read.SqlSize, read.IsNonQuery, read.ExecutionLimitMs(new QueryLimits())));
        var sets = Read("""{ "command": { "text": "SELECT @a", "parameterSets": [ [ { "name": "@a", "value": 1 } ], [], [ { "name": "@a" } ] ] } }""").Submission!;
        Assert.Equal([1, 0, 1], sets.Batch!.Commands.Single().ParameterSets!.Select(s => s.Count));
        Assert.Equal(3, sets.Batch.Count);
        Assert.Null(Read("""{ "command": { "text": "SELECT 1", "parameterSets": null }, "commands": null, "isolation": null }""").Submission!.Batch);
    }

    [Theory]
    [InlineData("""{ "commands": [] }""", "commands")]
    [InlineData("""{ "commands": {} }""", "commands")]
    [InlineData("""{ "commands": "SELECT 1" }""", "commands")]
    [InlineData("""{ "commands": [ null ] }""", "commands[0]")]
    [InlineData("""{ "commands": [ { "text": "SELECT 1" }, { } ] }""", "commands[1].text")]
    [InlineData("""{ "commands": [ { "text": "SELECT 1", "type": "view", "timeout": 0 } ] }""", "commands[0].type,commands[0].timeout")]
    [InlineData("""{ "commands": [ { "text": "SELECT 1", "parameterSets": [ [] ] } ] }""", "commands[0].parameterSets")]
    [InlineData("""{ "commands": [ { "text": "SELECT 1", "parameters": [ { } ] } ] }""", "commands[0].parameters[0].name")]
    [InlineData("""{ "commands": [ { "text": "SELECT 1" } ], "command": { "text": "SELECT 1" } }""", "commands")]
    [InlineData("""{ "commands": [ { "text": "SELECT 1" } ], "isolation": "chaos" }""", "isolation")]
    [InlineData("""{ "command": { "text": "SELECT 1" }, "isolation": "serializable" }""", "isolation")]
    [InlineData("""{ "sqlQuery": "SELECT 1", "isolation": "serializable" }""", "isolation")]
    [InlineData("""{ "command": { "text": "SELECT 1", "parameterSets": [] } }""", "command.parameterSets")]
    [InlineData("""{ "command": { "text": "SELECT 1", "parameterSets": {} } }""", "command.parameterSets")]
    [InlineData("""{ "command": { "text": "SELECT 1", "parameterSets": [ {} ] } }""", "command.parameterSets[0]")]
    [InlineData("""{ "command": { "text": "SELECT 1", "parameterSets": [ [ { "name": "a" }, { "name": "@A" } ] ] } }""", "command.parameterSets[0]")]
    [InlineData("""{ "command": { "text": "SELECT 1", "parameterSets": [ [], [ { "name": "a", "type": "Number" } ] ] } }""", "command.parameterSets[1][0].type")]
    [InlineData("""{ "command": { "text": "SELECT 1", "parameters": [], "parameterSets": [ [] ] } }""", "command.parameterSets")]
    [InlineData("""{ "commands": [ { "text": "SELECT 1", "catalogue": "Patients" } ] }""", "commands[0].catalogue")]
    [InlineData("""{ "command": { "text": "SELECT 1", "isolation": "snapshot" } }""", "command.isolation")]
    public void Every_fault_of_a_batch_is_named(string body, string fields) => Assert.Equal(fields.Split(','), Faults(body));

    [Theory]
    [InlineData(100, true)]
    [InlineData(101, false)]
    public void A_batch_has_up_to_a_hundred_commands(int count, bool fits)
    {
        var body = $$"""{ "commands": [ {{string.Join(",", Enumerable.Repeat("""{ "text": "SELECT 1" }""", count))}} ] }""";
        Assert.Equal(fits, Read(body).Submission is not null);
    }

    [Theory]
    [InlineData(1000, true)]
    [InlineData(1001, false)]
    public void A_command_has_up_to_a_thousand_sets_of_parameters(int count, bool fits)
    {
        var body = $$"""{ "command": { "text": "SELECT 1", "parameterSets": [ {{string.Join(",", Enumerable.Repeat("[]", count))}} ] } }""";
        Assert.Equal(fits, Read(body).Submission is not null);
    }
}

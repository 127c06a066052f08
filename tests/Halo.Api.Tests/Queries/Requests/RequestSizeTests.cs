using System.Text;
using Halo.Api.Errors;
using Halo.Api.Ledger.Records;
using Halo.Api.Queries.Requests;
using Halo.Api.Settings;
using Halo.Contracts.Queries;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Tests.Queries.Requests;

/// <summary>The largest requests, good and bad: reading one takes a small multiple of its bytes.</summary>
[Collection(nameof(Alone))]
public class RequestSizeTests
{
    const int Body = 16 * 1024 * 1024;

    /// <summary>How often a body may be allocated while it is read, pooled buffers that nobody had before among it.</summary>
    const int BadMultiple = 5, GoodMultiple = 10;

    public static TheoryData<string, string, string> Bad => new()
    {
        { "empty parameters", Command("", Repeat("{}", Body)), "body" },
        { "empty lists in a parameter", Command("", Parameter($"[{Repeat("[]", Body)}]")), "body" },
        { "ones in a parameter", Command("", Parameter($"[{Repeat("1", Body)}]")), "body" },
        { "empty names", Command("", $"{{{Repeat("\"\":1", Body)}}}"), "body" },
        { "unknown fields", $"{{{string.Join(',', Enumerable.Range(0, 1_000_000).Select(i => $"\"f{i}\":1"))}}}", "body" },
        { "parameters with faults", Command("", Repeat("""{"name":"a","type":"Nothing","direction":"sideways","size":"large or small or neither of them, as long as it is no whole number"}""", Body)), "command.parameters" },
        { "half pairs", Command(string.Concat(Enumerable.Repeat("\\ud800", Body / 6)), ""), "command.text" },
        { "a long text", Command(new string('x', Body), ""), "command.text" },
        { "a long name", Command("", $$"""{"name":"{{new string('n', Body)}}"}"""), "command.parameters[0].name" },
        { "a long unknown name", $$"""{"{{new string('n', Body)}}":1}""", "body" },
        { "no end", Command("", Parameter($"[{Repeat("1", 3_900_000)}"))[..^8], "body" },
    };

    [Theory, MemberData(nameof(Bad), DisableDiscoveryEnumeration = true)]
    public void A_bad_request_takes_a_small_multiple_of_its_bytes_and_is_told_why(string what, string body, string field)
    {
        var (allocated, read, refusal) = Read(body);
        Assert.Null(read);
        Assert.True(field == "body" || refusal!.Errors!.Any(e => e.Field == field), $"{what}: {refusal!.Errors?[0].Field}");
        Assert.True(allocated <= BadMultiple * (long)Body, $"{what}: {allocated >> 20} MiB");
    }

    public static TheoryData<string, string> Good => new()
    {
        { "as many values as may be", Command("SELECT 1", Parameter($"[{Repeat("12345", 6 * 1_900_000)}]")) },
        { "one long value", Command("SELECT 1", Parameter($"\"{new string('x', Body - 200)}\"")) },
        { "as many parameters as may be", Command("SELECT 1", string.Join(',', Enumerable.Range(0, QueryLimits.Parameters).Select(i => $$"""{"name":"p{{i}}","type":"NVarChar","value":"{{new string('x', 200)}}"}"""))) },
        { "commas in a text", Command("SELECT 1", Parameter($"\"{new string(',', Body - 200)}\"")) },
    };

    [Theory, MemberData(nameof(Good), DisableDiscoveryEnumeration = true)]
    public void A_good_request_takes_a_small_multiple_of_its_bytes(string what, string body)
    {
        var (allocated, read, refusal) = Read(body);
        Assert.Null(refusal);
        Assert.NotNull(read);
        Assert.True(allocated <= GoodMultiple * (long)Body, $"{what}: {allocated >> 20} MiB");
    }

    /// <summary>A name's characters may take six bytes each on the line: 96 MB of sixteen.</summary>
    [Fact]
    public void A_command_too_large_for_the_line_is_refused_without_being_written()
    {
        var body = Command("SELECT 1", string.Join(',', Enumerable.Range(0, 30_000).Select(i => $$"""{"name":"p{{i}}{{new string('<', 500)}}"}""")));
        var (allocated, _, refusal) = Read(body);
        Assert.Equal(413, refusal!.Status);
        Assert.True(allocated <= BadMultiple * (long)Body, $"{allocated >> 20} MiB");
    }

    [Fact]
    public void The_size_on_the_line_is_what_is_sent()
    {
        var command = new QueryCommand("SELECT '<\u0001é😀'")
        {
            Parameters = [new("@a<b") { Type = SqlType.NVarChar, Value = System.Text.Json.JsonDocument.Parse("[\"\\u003c<é\", 1.50, null]").RootElement }],
        };
        var message = new Execute(Guid.NewGuid(), Guid.NewGuid(), command, 1, 2, 3);
        Assert.Equal(System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(message, ProtocolJson.Default.Execute).Length, RequestSize.OnTheLine(message));
    }

    static (long Allocated, QuerySubmission? Submission, Api.Errors.Refusal? Refusal) Read(string body)
    {
        ReadOnlyMemory<byte> bytes = Encoding.UTF8.GetBytes(body);
        var reader = new QueryRequestReader(new QueryLimits());
        var before = GC.GetAllocatedBytesForCurrentThread();
        var (submission, refusal) = reader.Read(bytes, QueryMode.Immediate, QueryRequestReaderTests.Site);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        TestContext.Current.SendDiagnosticMessage($"{bytes.Length >> 20} MiB: {allocated >> 20} MiB, {refusal?.Status} {refusal?.Errors?[0].Field}");
        return (allocated, submission, refusal);
    }

    static string Command(string text, string parameters) => $$$"""{"command":{"text":"{{{text}}}","parameters":[{{{parameters}}}]}}""";

    static string Parameter(string value) => $$"""{"name":"@a","value":{{value}}}""";

    /// <summary>Separated by commas, of so many characters in all.</summary>
    static string Repeat(string item, int characters) => string.Join(',', Enumerable.Repeat(item, characters / (item.Length + 1)));
}

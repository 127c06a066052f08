using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.LinkProtocol;

/// <summary>Writes and reads the messages of a query once, at a start: their metadata is then made, and that code compiled which cannot be ahead of time.</summary>
/// <remarks>Generic code of the runtime for types of ours is compiled when it is first used: some hundred methods, which the first caller would wait for.</remarks>
public static class MessageWarmUp
{
    /// <summary>Takes some tens of milliseconds the first time.</summary>
    public static void Run()
    {
        var command = new QueryCommand("SELECT @n") { Parameters = [new("@n") { Type = SqlType.Int }] };
        ResultColumn[] columns = [new("n", SqlType.Int, "int")];
        Repeat(new Execute(Guid.Empty, Guid.Empty, command, 1, 1, 1) { Tag = "warm-up", TraceParent = "" }, ProtocolJson.Default.Execute);
        Repeat(new ResultHead(columns), ProtocolJson.Default.ResultHead);
        Repeat(new Outcome(Ending.Successful, Executed.Yes) { Rows = 1, Size = 9, ResultSets = 1, Columns = columns, Timings = new(0.1, 0.1, 0.1) }, ProtocolJson.Default.Outcome);
        Repeat(new Heartbeat(DateTimeOffset.UnixEpoch, "", 0, new(0, 0, 0, 0), [], null, 0), ProtocolJson.Default.Heartbeat);
    }

    static void Repeat<T>(T message, JsonTypeInfo<T> type) => JsonSerializer.Deserialize(JsonSerializer.SerializeToUtf8Bytes(message, type), type);
}

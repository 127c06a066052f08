using System.Collections.Frozen;
using System.Text;
using System.Text.Json;
using Halo.Contracts.Queries;

namespace Halo.Api.Queries.Requests;

/// <summary>Reads <c>command</c> and its parameters. Whether a value fits its type is the engine's to say, beside the database.</summary>
static class CommandReader
{
    static readonly FrozenDictionary<string, ExecutionMode> ExecutionModes = FaultyJson.Words<ExecutionMode>(camelCase: true);
    static readonly FrozenDictionary<string, CommandType> CommandTypes = FaultyJson.Words<CommandType>(camelCase: true);
    static readonly FrozenDictionary<string, ParameterDirection> Directions = FaultyJson.Words<ParameterDirection>(camelCase: true);
    static readonly FrozenDictionary<string, SqlType> Types = FaultyJson.Words<SqlType>(camelCase: false);

    public static QueryCommand? Read(JsonElement command, int longestMs, FaultyJson json)
    {
        var text = json.Text(command, "text", "command.text");
        CheckText(text, "command.text", json);
        return new QueryCommand(text ?? "")
        {
            ExecutionMode = json.Word(command, "executionMode", "command.executionMode", ExecutionModes, ExecutionMode.Reader)!.Value,
            Type = json.Word(command, "type", "command.type", CommandTypes, CommandType.Text)!.Value,
            Timeout = json.Whole(command, "timeout", "command.timeout", 1, longestMs, QueryRequestReader.Milliseconds),
            Parameters = ReadParameters(command, json),
        };
    }

    public static void CheckText(string? text, string path, FaultyJson json)
    {
        if (string.IsNullOrWhiteSpace(text))
            json.Fault(path, "is required and must not be blank.");
        else if (text.Length > QueryLimits.TextBytes / 3 && Encoding.UTF8.GetByteCount(text) > QueryLimits.TextBytes)
            json.Fault(path, $"must have at most {QueryLimits.TextBytes} bytes of UTF-8.");
        else if (text.Contains('\0'))
            json.Fault(path, "must not hold the character U+0000.");
    }

    static List<CommandParameter>? ReadParameters(JsonElement command, FaultyJson json)
    {
        if (!FaultyJson.Present(command, "parameters", out var list))
            return null;
        if (list.ValueKind != JsonValueKind.Array)
        {
            json.Fault("command.parameters", "must be an array of objects.");
            return null;
        }
        var parameters = new List<CommandParameter>(list.GetArrayLength());
        foreach (var item in list.EnumerateArray())
            parameters.Add(ReadParameter(item, $"command.parameters[{parameters.Count}]", json));
        foreach (var twice in parameters.Where(p => p.Name.Length > 0).GroupBy(p => p.Name.TrimStart('@'), StringComparer.OrdinalIgnoreCase).Where(g => g.Count() > 1))
            json.Fault("command.parameters", $"names {twice.Key} more than once.");
        return parameters;
    }

    static CommandParameter ReadParameter(JsonElement item, string path, FaultyJson json)
    {
        if (item.ValueKind != JsonValueKind.Object)
        {
            json.Fault(path, "must be an object: { \"name\": \"@id\", \"type\": \"Int\", \"value\": \"66\" }.");
            return new CommandParameter("");
        }
        var name = json.Text(item, "name", $"{path}.name");
        if (string.IsNullOrWhiteSpace(name?.TrimStart('@')))
            json.Fault($"{path}.name", "is required.");
        return new CommandParameter(name ?? "")
        {
            Direction = json.Word(item, "direction", $"{path}.direction", Directions, ParameterDirection.Input)!.Value,
            Type = json.Word<SqlType>(item, "type", $"{path}.type", Types, null),
            TypeName = json.Text(item, "typeName", $"{path}.typeName"),
            Precision = (byte?)json.Whole(item, "precision", $"{path}.precision", 0, 255),
            Scale = (byte?)json.Whole(item, "scale", $"{path}.scale", 0, 255),
            Size = json.Whole(item, "size", $"{path}.size", -1, int.MaxValue, "bytes"),
            Value = item.TryGetProperty("value", out var value) ? value.Clone() : null,
        };
    }
}

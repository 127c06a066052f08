using System.Collections.Frozen;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Halo.Api.Routing;
using Halo.Api.Settings;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Queries.Requests;

/// <summary>Reads <c>command</c> and its parameters. Whether a value fits its type is the engine's to say, beside the database.</summary>
static class CommandReader
{
    static readonly FrozenDictionary<string, ExecutionMode> ExecutionModes = JsonFieldReader.Words<ExecutionMode>(camelCase: true);
    static readonly FrozenDictionary<string, CommandType> CommandTypes = JsonFieldReader.Words<CommandType>(camelCase: true);
    static readonly FrozenDictionary<string, ParameterDirection> Directions = JsonFieldReader.Words<ParameterDirection>(camelCase: true);
    static readonly FrozenDictionary<string, SqlType> Types = JsonFieldReader.Words<SqlType>(camelCase: false);

    /// <param name="path">Where it stands in the request.</param>
    /// <param name="takesSets">Whether it may have sets of parameters: there is no other command beside it.</param>
    public static QueryCommand? Read(JsonElement command, string path, int longestMs, bool takesSets, JsonFieldReader json)
    {
        var text = json.Text(command, "text", $"{path}.text");
        CheckText(text, $"{path}.text", json);
        return new QueryCommand(text ?? "")
        {
            ExecutionMode = json.Word(command, "executionMode", $"{path}.executionMode", ExecutionModes, ExecutionMode.Reader)!.Value,
            Type = json.Word(command, "type", $"{path}.type", CommandTypes, CommandType.Text)!.Value,
            Timeout = json.Whole(command, "timeout", $"{path}.timeout", 1, longestMs, QueryRequestReader.Milliseconds),
            Parameters = JsonFieldReader.Present(command, "parameters", out var list) ? ReadParameters(list, $"{path}.parameters", json) : null,
            ParameterSets = ReadSets(command, path, takesSets, json),
        };
    }

    static List<IReadOnlyList<CommandParameter>>? ReadSets(JsonElement command, string path, bool takesSets, JsonFieldReader json)
    {
        if (!JsonFieldReader.Present(command, "parameterSets", out var list))
            return null;
        path += ".parameterSets";
        if (!takesSets)
            json.Fault(path, "stands in the one command of an immediate or async query, not here.");
        else if (JsonFieldReader.Present(command, "parameters", out _))
            json.Fault(path, "takes the place of parameters: give one of the two.");
        else if (list.ValueKind != JsonValueKind.Array || list.GetArrayLength() is < 1 or > CommandBatch.MostParameterSets)
            json.Fault(path, $"must be an array of 1 to {CommandBatch.MostParameterSets} arrays of parameters.");
        else
        {
            var sets = new List<IReadOnlyList<CommandParameter>>(list.GetArrayLength());
            foreach (var set in list.EnumerateArray())
            {
                sets.Add(ReadParameters(set, $"{path}[{sets.Count}]", json) ?? []);
                if (json.IsFull)
                    break;
            }
            return sets;
        }
        return null;
    }

    public static void CheckText(string? text, string path, JsonFieldReader json)
    {
        if (string.IsNullOrWhiteSpace(text))
            json.Fault(path, "is required and must not be blank.");
        else if (text.Length > QueryLimits.TextBytes / 3 && Encoding.UTF8.GetByteCount(text) > QueryLimits.TextBytes)
            json.Fault(path, $"must have at most {QueryLimits.TextBytes} bytes of UTF-8.");
        else if (text.Contains('\0'))
            json.Fault(path, "must not hold the character U+0000.");
    }

    static List<CommandParameter>? ReadParameters(JsonElement list, string path, JsonFieldReader json)
    {
        if (list.ValueKind != JsonValueKind.Array)
        {
            json.Fault(path, "must be an array of objects.");
            return null;
        }
        var count = list.GetArrayLength();
        if (count > QueryLimits.Parameters)
        {
            json.Fault(path, $"must have at most {QueryLimits.Parameters} items, which is more than any database takes. Send an array or JSON as one parameter.");
            return null;
        }
        var parameters = new List<CommandParameter>(count);
        foreach (var item in list.EnumerateArray())
        {
            parameters.Add(ReadParameter(item, $"{path}[{parameters.Count}]", json));
            if (json.IsFull)
                return parameters;
        }
        foreach (var twice in parameters.Where(p => p.Name.Length > 0).GroupBy(p => p.Name.TrimStart('@'), StringComparer.OrdinalIgnoreCase).Where(g => g.Count() > 1))
            json.Fault(path, $"names {RequestParameters.Shorten(twice.Key)} more than once.");
        return parameters;
    }

    static CommandParameter ReadParameter(JsonElement item, string path, JsonFieldReader json)
    {
        if (item.ValueKind != JsonValueKind.Object)
        {
            json.Fault(path, "must be an object: { \"name\": \"@id\", \"type\": \"Int\", \"value\": \"66\" }.");
            return new CommandParameter("");
        }
        var name = json.Text(item, "name", $"{path}.name");
        if (string.IsNullOrWhiteSpace(name?.TrimStart('@')))
            json.Fault($"{path}.name", "is required.");
        else if (name.Length > QueryLimits.NameCharacters)
            json.Fault($"{path}.name", $"must have at most {QueryLimits.NameCharacters} characters.");
        var typeName = json.Text(item, "typeName", $"{path}.typeName");
        if (typeName?.Length > QueryLimits.NameCharacters)
            json.Fault($"{path}.typeName", $"must have at most {QueryLimits.NameCharacters} characters.");
        if (item.TryGetProperty("value", out var value) && IsTooDeep(value))
            json.Fault($"{path}.value", $"is nested deeper than {QueryLimits.ValueDepth}.");
        return new CommandParameter(name ?? "")
        {
            Direction = json.Word(item, "direction", $"{path}.direction", Directions, ParameterDirection.Input)!.Value,
            Type = json.Word<SqlType>(item, "type", $"{path}.type", Types, null),
            TypeName = typeName,
            Precision = (byte?)json.Whole(item, "precision", $"{path}.precision", 0, 255),
            Scale = (byte?)json.Whole(item, "scale", $"{path}.scale", 0, 255),
            Size = json.Whole(item, "size", $"{path}.size", -1, int.MaxValue, "bytes"),
            Value = value.ValueKind == JsonValueKind.Undefined ? null : value.Clone(),
        };
    }

    /// <summary>On its way to the database a value stands deeper than in the request, and readers of JSON go down to 64.</summary>
    static bool IsTooDeep(JsonElement value)
    {
        if (value.ValueKind is not (JsonValueKind.Array or JsonValueKind.Object))
            return false;
        var reader = new Utf8JsonReader(JsonMarshal.GetRawUtf8Value(value));
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.StartArray or JsonTokenType.StartObject && reader.CurrentDepth >= QueryLimits.ValueDepth)
                return true;
        }
        return false;
    }
}

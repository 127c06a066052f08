using System.Collections.Frozen;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Halo.Api.Basics;
using Halo.Api.Settings;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Routing;

/// <summary>
/// Fields of a query's request that this version does not know. One of ours in the wrong place, or misspelt, is a fault; any other is let through for
/// programs that were written for a newer version, and named in <c>notices</c> of the answer.
/// </summary>
sealed class QueryFields
{
    static readonly Level Root = new("", HaloJson.Default.QueryRequest), Survey = new("", HaloJson.Default.SurveyRequest), Command = new("command", HaloJson.Default.QueryCommand),
        Parameter = new("command.parameters[]", HaloJson.Default.CommandParameter);

    /// <summary>Every name of ours, in any case, and where it belongs; the first place where there are two.</summary>
    public static FrozenDictionary<string, string> Places { get; } = new[] { Root, Command, Parameter }
        .SelectMany(l => l.Names.Select(n => (Name: n, Place: l.Path.Length == 0 ? n : $"{l.Path}.{n}")))
        // The American spelling would otherwise be a newer program's field, and the query run on the default database.
        .Append(("catalog", "catalogue")).Append(("resultSet", "the query parameter resultSet")).Append(("tag", "the header Halo-Tag")).Append(("idempotencyKey", "the header Idempotency-Key"))
        .GroupBy(p => p.Item1, StringComparer.OrdinalIgnoreCase)
        .ToFrozenDictionary(g => g.Key, g => string.Join(" or ", g.Select(p => p.Item2)), StringComparer.OrdinalIgnoreCase);

    readonly List<Notice> _notices = [];
    int _faults;
    int _omitted;
    int _unknown;

    /// <summary>Looks through a request's body.</summary>
    /// <returns>What was let through.</returns>
    public static IReadOnlyList<Notice> Check(JsonElement root, JsonFieldReader json) => Check(root, Root, json);

    /// <summary>Looks through the body of a survey's request.</summary>
    /// <returns>What was let through.</returns>
    public static IReadOnlyList<Notice> CheckSurvey(JsonElement root, JsonFieldReader json) => Check(root, Survey, json);

    static List<Notice> Check(JsonElement root, Level level, JsonFieldReader json)
    {
        var found = new QueryFields();
        found.Look(root, level, "", -1, json);
        if (JsonFieldReader.Present(root, "command", out var command))
            found.LookIntoCommand(command, "command", json);
        if (JsonFieldReader.Present(root, "commands", out var commands))
            found.LookIntoEach(commands, "commands", CommandBatch.MostCommands, found.LookIntoCommand, json);
        if (found.IsTooMany)
            json.Fault("body", $"has more than {QueryLimits.UnknownFields} fields that this version of the service does not know.");
        if (found._omitted > 0)
            found._notices.Add(new(NoticeCodes.NoticesOmitted, $"{found._omitted} more unknown fields were ignored."));
        return found._notices;
    }

    /// <summary>What was meant is looked for among all names: no request needs that so often.</summary>
    bool IsTooMany => _unknown > QueryLimits.UnknownFields;

    void LookIntoCommand(JsonElement command, string path, JsonFieldReader json)
    {
        if (command.ValueKind != JsonValueKind.Object)
            return;
        Look(command, Command, path, -1, json);
        if (JsonFieldReader.Present(command, "parameters", out var parameters))
            LookIntoParameters(parameters, $"{path}.parameters", json);
        if (JsonFieldReader.Present(command, "parameterSets", out var sets))
            LookIntoEach(sets, $"{path}.parameterSets", CommandBatch.MostParameterSets, LookIntoParameters, json);
    }

    void LookIntoParameters(JsonElement parameters, string path, JsonFieldReader json)
    {
        if (parameters.ValueKind != JsonValueKind.Array)
            return;
        var index = 0;
        foreach (var parameter in parameters.EnumerateArray())
        {
            if (IsTooMany)
                break;
            if (parameter.ValueKind == JsonValueKind.Object)
                Look(parameter, Parameter, path, index, json);
            index++;
        }
    }

    /// <param name="most">Of more the request is refused anyway.</param>
    void LookIntoEach(JsonElement list, string path, int most, Action<JsonElement, string, JsonFieldReader> look, JsonFieldReader json)
    {
        if (list.ValueKind != JsonValueKind.Array)
            return;
        var index = 0;
        foreach (var item in list.EnumerateArray().Take(most))
        {
            if (IsTooMany)
                break;
            look(item, $"{path}[{index++}]", json);
        }
    }

    /// <param name="index">In the list at the path, of which a text is made for a fault alone; -1: it is at the path itself.</param>
    void Look(JsonElement owner, Level level, string path, int index, JsonFieldReader json)
    {
        foreach (var property in owner.EnumerateObject())
        {
            if (level.Knows(property))
                continue;
            if (++_unknown > QueryLimits.UnknownFields)
                return;
            Unknown(property.Name, level, index < 0 ? path : $"{path}[{index}]", json);
        }
    }

    void Unknown(string name, Level level, string path, JsonFieldReader json)
    {
        var shown = path.Length == 0 ? RequestParameters.Shorten(name) : $"{path}.{RequestParameters.Shorten(name)}";
        var meant = level.Names.FirstOrDefault(n => n.Equals(name, StringComparison.OrdinalIgnoreCase))
            ?? Places.GetValueOrDefault(name)
            ?? NearestName.OneEditFrom(name, level.Names)
            ?? (NearestName.OneEditFrom(name, Places.Keys) is { } near ? Places[near] : null);
        if (meant is null && _notices.Count < Notice.Most - 1)
            _notices.Add(Notice.Of(NoticeCodes.UnknownField, $"The field {shown} is not known to this version of the service and was ignored."));
        else if (meant is null)
            _omitted++;
        else if (_faults++ < Notice.Most)
            json.Fault(shown, $"is no field here; did you mean {meant}?");
    }

    /// <summary>The fields of one object.</summary>
    sealed class Level(string path, JsonTypeInfo type)
    {
        readonly byte[][] _utf8 = [.. type.Properties.Select(p => System.Text.Encoding.UTF8.GetBytes(p.Name))];

        public string Path => path;

        public IReadOnlyList<string> Names { get; } = [.. type.Properties.Select(p => p.Name)];

        /// <summary>Without a text for each name: this is asked of every query.</summary>
        public bool Knows(JsonProperty property)
        {
            foreach (var name in _utf8)
            {
                if (property.NameEquals(name))
                    return true;
            }
            return false;
        }
    }
}

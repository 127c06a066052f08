using System.Collections.Frozen;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Halo.Api.Basics;
using Halo.Api.Errors;
using Halo.Api.Ledger.Records;
using Halo.Api.Queries.Requests;
using Halo.Api.Routing;
using Halo.Api.Settings;
using Halo.Api.Sites;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;

namespace Halo.Api.Queries.Registered;

/// <summary>A registration that was read and found whole.</summary>
/// <param name="Name">For people.</param>
/// <param name="Frequency">Seconds.</param>
/// <param name="Duration">Seconds.</param>
/// <param name="Command">What is run.</param>
sealed record Registration(string Name, int Frequency, int Duration, QueryCommand Command)
{
    /// <summary>One of the site's databases; null: its default.</summary>
    public string? Catalogue { get; init; }

    /// <summary>Columns that name each row once; null: no changes row by row.</summary>
    public IReadOnlyList<string>? Key { get; init; }

    public bool DeliverFirst { get; init; } = true;

    /// <summary>Bytes of the command as JSON, of the body, of the text.</summary>
    public long CommandSize { get; init; }

    public long RequestSize { get; init; }

    public long SqlSize { get; init; }
}

/// <summary>Turns the body of a registration into one, or tells every fault at once. Fields that are not known are let through, misspelt ones refused.</summary>
sealed class RegisteredRequestReader(QueryLimits limits)
{
    /// <summary>Characters of a name, and longest duration in seconds.</summary>
    public const int LongestName = 200, LongestDuration = 86_400, ShortestDuration = 1;

    /// <summary>Bytes of a command as its Link gets it, with all that it has beside it. It is fetched at each start of the Link.</summary>
    const int LargestCommand = 2 * 1024 * 1024;

    const int MostKeys = 16;
    const string Seconds = "seconds";

    static readonly Refusal TooLarge = new(413, ErrorCodes.RequestTooLarge,
        $"The command takes more than {LargestCommand} bytes on its way to the site, which a registered query may not. Shorten it, or use an async query.");

    static readonly FrozenDictionary<string, bool> Types = new Dictionary<string, bool> { ["query"] = true }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    /// <summary>Reads a registration for a site.</summary>
    public (Registration? Registration, Refusal? Refusal) Read(ReadOnlyMemory<byte> body, SiteRecord site)
    {
        var (read, refusal) = RequestDocument.Read(body, "{ \"name\": \"…\", \"registeredQueryType\": \"query\", \"frequency\": 60, \"duration\": 3600, \"registerCommand\": { … } }",
            (root, json) => ReadRegistration(root, site, body.Length, json));
        return read is not null && 6L * body.Length > LargestCommand && RequestSize.OnTheLine(new(Guid.Empty, Guid.Empty, read.Command, 0, 0, 0)) > LargestCommand
            ? (null, TooLarge)
            : (read, refusal);
    }

    /// <summary>Reads the body of a renewal: <c>{ "duration": seconds }</c>, or nothing.</summary>
    /// <returns>The duration; null where it keeps the one it has.</returns>
    public static (int? Duration, Refusal? Refusal) ReadRenewal(ReadOnlyMemory<byte> body)
    {
        if (body.IsEmpty)
            return (null, null);
        var (read, refusal) = RequestDocument.Read(body, "{ \"duration\": 3600 }", (root, json) =>
        {
            json.LookForMisspelt(root, "", ["duration"]);
            return new Renewal(json.Whole(root, "duration", "duration", ShortestDuration, LongestDuration, Seconds));
        });
        return (read?.Duration, refusal);
    }

    Registration? ReadRegistration(JsonElement root, SiteRecord site, long requestSize, JsonFieldReader json)
    {
        json.LookForMisspelt(root, "", HaloJson.Default.RegisteredQueryRequest);
        var name = json.Text(root, "name", "name");
        if (string.IsNullOrWhiteSpace(name))
            Missing(root, "name", "a text of 1 to 200 characters", json);
        else if (name.Length > LongestName || name.Any(char.IsControl))
            json.Fault("name", $"must have at most {LongestName} characters, and no control characters.");
        if (json.Word(root, "registeredQueryType", "registeredQueryType", Types, null) is null)
            Missing(root, "registeredQueryType", "\"query\"", json);
        var frequency = json.Whole(root, "frequency", "frequency", limits.RegisteredFrequencySeconds, LongestDuration, Seconds);
        if (frequency is null)
            Missing(root, "frequency", $"a whole number of seconds from {limits.RegisteredFrequencySeconds}", json);
        var duration = json.Whole(root, "duration", "duration", ShortestDuration, LongestDuration, Seconds);
        if (duration is null)
            Missing(root, "duration", $"a whole number of seconds from {ShortestDuration} to {LongestDuration}", json);
        var (command, catalogue, size) = ReadCommand(root, site, json);
        var key = ReadKey(root, json);
        var first = json.Flag(root, "deliverFirst", "deliverFirst");
        return json.Faults.Count > 0 ? null : new Registration(name!.Trim(), frequency!.Value, duration!.Value, command!)
        {
            Catalogue = catalogue,
            Key = key,
            DeliverFirst = first ?? true,
            CommandSize = size,
            RequestSize = requestSize,
            SqlSize = Encoding.UTF8.GetByteCount(command!.Text),
        };
    }

    (QueryCommand? Command, string? Catalogue, long Size) ReadCommand(JsonElement root, SiteRecord site, JsonFieldReader json)
    {
        if (!JsonFieldReader.Present(root, "registerCommand", out var registered) || registered.ValueKind != JsonValueKind.Object)
        {
            json.Fault("registerCommand", "is required: { \"command\": { \"text\": \"SELECT …\" } }.");
            return default;
        }
        json.LookForMisspelt(registered, "registerCommand.", HaloJson.Default.RegisteredCommand);
        var catalogue = json.Text(registered, "catalogue", "registerCommand.catalogue");
        if (catalogue is not null && !site.Catalogues.Any(c => c.Name.Equals(catalogue, StringComparison.OrdinalIgnoreCase)))
            json.Fault("registerCommand.catalogue", $"is not one of this site's: {string.Join(", ", site.Catalogues.Select(c => c.Name))}.");
        if (!JsonFieldReader.Present(registered, "command", out var command) || command.ValueKind != JsonValueKind.Object)
        {
            json.Fault("registerCommand.command", "is required: { \"text\": \"SELECT …\" }.");
            return default;
        }
        json.LookForMisspelt(command, "registerCommand.command.", HaloJson.Default.QueryCommand);
        var within = new JsonFieldReader([]);
        var read = CommandReader.Read(command, "command", limits.RegisteredRunMs, takesSets: false, within);
        foreach (var fault in within.Faults)
            json.Fault("registerCommand." + fault.Field, fault.Message);
        if (read?.ExecutionMode == ExecutionMode.NonQuery)
            json.Fault("registerCommand.command.executionMode", "must be reader or scalar: a registered query is run again and again, and gives rows.");
        return (read, catalogue, JsonMarshal.GetRawUtf8Value(command).Length);
    }

    static List<string>? ReadKey(JsonElement root, JsonFieldReader json)
    {
        if (!JsonFieldReader.Present(root, "changes", out var changes))
            return null;
        if (changes.ValueKind != JsonValueKind.Object || !JsonFieldReader.Present(changes, "key", out var key) || key.ValueKind != JsonValueKind.Array
            || key.GetArrayLength() is < 1 or > MostKeys || key.EnumerateArray().Any(k => k.ValueKind != JsonValueKind.String))
        {
            json.Fault("changes", $"must be {{ \"key\": [\"id\"] }} with 1 to {MostKeys} names of columns.");
            return null;
        }
        var names = key.EnumerateArray().Select(k => k.GetString()!).ToList();
        if (names.Any(n => n.Length is 0 or > QueryLimits.NameCharacters) || names.Distinct(StringComparer.Ordinal).Count() < names.Count)
            json.Fault("changes.key", $"must name each column once, by 1 to {QueryLimits.NameCharacters} characters.");
        return names;
    }

    /// <summary>Where it is there and wrong, that was said.</summary>
    static void Missing(JsonElement owner, string name, string wanted, JsonFieldReader json)
    {
        if (!JsonFieldReader.Present(owner, name, out var value) || value.ValueKind == JsonValueKind.String && string.IsNullOrWhiteSpace(value.GetString()) && name == "name")
            json.Fault(name, $"is required: {wanted}.");
    }

    sealed record Renewal(int? Duration);
}

using System.Collections.Frozen;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Halo.Api.Errors;
using Halo.Api.Ledger.Records;
using Halo.Api.Routing;
using Halo.Api.Settings;
using Halo.Api.Sites;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.LinkProtocol.Bounds;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Queries.Requests;

/// <summary>Turns a request's body into a submission, or tells every fault at once. Unknown fields are accepted and named in its notices, misspelt ones refused.</summary>
sealed class QueryRequestReader(QueryLimits limits, ResultOptions? results = null)
{
    internal const string Milliseconds = "milliseconds";

    /// <summary>Beside it a message has ids, limits, the caller's mark.</summary>
    const int AroundCommand = 64 * 1024;
    static readonly int LargestCommand = FrameBounds.FromApi(FrameKind.Execute) - AroundCommand;

    static readonly Refusal TooLarge = new(413, ErrorCodes.RequestTooLarge,
        $"The command takes more than {LargestCommand} bytes on its way to the site, where each quote, backslash and other escaped character of the text and of names takes up to six. Pass long texts as parameter values, or split the command; nothing ran.");

    static readonly FrozenDictionary<string, QueryMode> Modes = JsonFieldReader.Words<QueryMode>(camelCase: true);
    static readonly FrozenDictionary<string, IsolationLevel> IsolationLevels = JsonFieldReader.Words<IsolationLevel>(camelCase: true);

    /// <summary>Reads a body for a site.</summary>
    /// <param name="mode">How it is answered; null where the body says it (<c>POST …/queries</c>).</param>
    public (QuerySubmission? Submission, Refusal? Refusal) Read(ReadOnlyMemory<byte> body, QueryMode? mode, SiteRecord site)
    {
        var (submission, refusal) = RequestDocument.Read(body, "{ \"command\": { \"text\": \"SELECT …\" } }", (root, json) => Read(root, mode, site.Catalogues, json, QueryFields.Check(root, json)));
        return submission is null ? (null, refusal) : Fitting(submission, body.Length);
    }

    /// <summary>Reads a body for many sites: an async query, and what stands beside it.</summary>
    /// <param name="also">Reads what stands beside it; null: what it finds wrong it told.</param>
    public (QuerySubmission? Submission, T? Also, Refusal? Refusal) ReadSurvey<T>(ReadOnlyMemory<byte> body, Func<JsonElement, JsonFieldReader, T?> also)
        where T : class
    {
        T? beside = null;
        var (submission, refusal) = RequestDocument.Read(body, "{ \"sites\": [ … ], \"command\": { \"text\": \"SELECT …\" } }", (root, json) =>
        {
            beside = also(root, json);
            return Read(root, QueryMode.Async, null, json, QueryFields.CheckSurvey(root, json));
        });
        (submission, refusal) = submission is null ? (null, refusal) : Fitting(submission, body.Length);
        return (submission, submission is null ? null : beside, refusal);
    }

    static (QuerySubmission? Submission, Refusal? Refusal) Fitting(QuerySubmission submission, int bodyBytes) =>
        FitsTheLine(submission, bodyBytes) ? (submission with { RequestSize = bodyBytes }, null) : (null, TooLarge);

    /// <summary>Written for the Link, a byte of a name or of the text can take six; values stay as they are.</summary>
    static bool FitsTheLine(QuerySubmission asked, int bodyBytes) => 6L * bodyBytes <= LargestCommand
        || RequestSize.OnTheLine(new(Guid.Empty, Guid.Empty, asked.Batch is null ? asked.Command : null, 0, 0, 0) { Batch = asked.Batch }) <= LargestCommand;

    /// <param name="catalogues">Of the site; null: of many, so which there are is not known yet.</param>
    QuerySubmission? Read(JsonElement root, QueryMode? mode, IReadOnlyList<SiteCatalogue>? catalogues, JsonFieldReader json, IReadOnlyList<Notice> notices)
    {
        var asked = mode ?? json.Word(root, "mode", "mode", Modes, QueryMode.Async)!.Value;
        var (most, preset) = asked == QueryMode.Immediate
            ? (QueryLimits.ImmediateQueueMs, QueryLimits.ImmediateQueueDefaultMs)
            : (QueryLimits.AsyncQueueMs, QueryLimits.AsyncQueueDefaultMs);
        var wait = json.Whole(root, "maxTimeInQueue", "maxTimeInQueue", 0, most, Milliseconds) ?? preset;
        var catalogue = json.Text(root, "catalogue", "catalogue");
        if (catalogue is not null && catalogues is not null && !catalogues.Any(c => c.Name.Equals(catalogue, StringComparison.OrdinalIgnoreCase)))
            json.Fault("catalogue", $"is not one of this site's: {string.Join(", ", catalogues.Select(c => c.Name))}.");
        var retention = ReadRetention(root, asked, json);
        var (commands, size) = ReadCommands(root, asked, json);
        var isolation = json.Word<IsolationLevel>(root, "isolation", "isolation", IsolationLevels, null);
        var isBatch = JsonFieldReader.Present(root, "commands", out _) || commands is [{ ParameterSets: not null }];
        if (isolation is not null && !isBatch)
            json.Fault("isolation", "is a batch's: it stands beside commands, or a command with parameterSets.");
        if (commands is not [var first, ..])
            return null;
        return new QuerySubmission(first, asked, catalogue, wait)
        {
            Batch = isBatch ? new(commands) { Isolation = isolation } : null,
            CommandSize = size,
            SqlSize = commands.Sum(c => (long)Encoding.UTF8.GetByteCount(c.Text)),
            RetentionHours = retention,
            Notices = notices.Count > 0 ? notices : null,
        };
    }

    int? ReadRetention(JsonElement root, QueryMode mode, JsonFieldReader json)
    {
        const string Field = "retentionHours";
        if (mode == QueryMode.Async || !JsonFieldReader.Present(root, Field, out _))
            return json.Whole(root, Field, Field, 1, (results ?? new()).RetentionHours, "hours");
        json.Fault(Field, "is of async queries; the rows of an immediate query are in its answer.");
        return null;
    }

    (IReadOnlyList<QueryCommand>? Commands, long Size) ReadCommands(JsonElement root, QueryMode mode, JsonFieldReader json)
    {
        var longest = mode == QueryMode.Immediate ? limits.ImmediateExecutionMs : limits.AsyncExecutionMs;
        var hasOne = JsonFieldReader.Present(root, "command", out var command);
        if (JsonFieldReader.Present(root, "commands", out var list))
        {
            if (hasOne)
                json.Fault("commands", "takes the place of command: give one of the two.");
            return (ReadBatch(list, longest, json), JsonMarshal.GetRawUtf8Value(list).Length);
        }
        if (!hasOne)
        {
            var sql = json.Text(root, "sqlQuery", "sqlQuery");
            if (sql is null)
            {
                json.Fault("command", "is required: { \"text\": \"SELECT …\" }.");
                return (null, 0);
            }
            CommandReader.CheckText(sql, "sqlQuery", json);
            return ([new QueryCommand(sql)], JsonMarshal.GetRawUtf8Value(root.GetProperty("sqlQuery")).Length);
        }
        if (command.ValueKind != JsonValueKind.Object)
        {
            json.Fault("command", "must be an object: { \"text\": \"SELECT …\" }.");
            return (null, 0);
        }
        return (CommandReader.Read(command, "command", longest, takesSets: true, json) is { } read ? [read] : null, JsonMarshal.GetRawUtf8Value(command).Length);
    }

    static List<QueryCommand>? ReadBatch(JsonElement list, int longestMs, JsonFieldReader json)
    {
        if (list.ValueKind != JsonValueKind.Array || list.GetArrayLength() is < 1 or > CommandBatch.MostCommands)
        {
            json.Fault("commands", $"must be an array of 1 to {CommandBatch.MostCommands} commands: [{{ \"text\": \"UPDATE …\", \"executionMode\": \"nonQuery\" }}].");
            return null;
        }
        var commands = new List<QueryCommand>(list.GetArrayLength());
        var index = 0;
        foreach (var item in list.EnumerateArray())
        {
            var path = $"commands[{index++}]";
            if (item.ValueKind != JsonValueKind.Object)
                json.Fault(path, "must be an object: { \"text\": \"SELECT …\" }.");
            else if (CommandReader.Read(item, path, longestMs, takesSets: false, json) is { } read)
                commands.Add(read);
            if (json.IsFull)
                break;
        }
        return commands;
    }
}

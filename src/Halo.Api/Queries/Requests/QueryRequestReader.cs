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
using Halo.LinkProtocol.Bounds;
using Halo.LinkProtocol.Frames;

namespace Halo.Api.Queries.Requests;

/// <summary>Turns a request's body into a submission, or tells every fault at once. Unknown fields are accepted and named in its notices, misspelt ones refused.</summary>
sealed class QueryRequestReader(QueryLimits limits)
{
    internal const string Milliseconds = "milliseconds";

    /// <summary>Beside it a message has ids, limits, the caller's mark.</summary>
    const int AroundCommand = 64 * 1024;
    static readonly int LargestCommand = FrameBounds.FromApi(FrameKind.Execute) - AroundCommand;

    static readonly Refusal TooLarge = new(413, ErrorCodes.RequestTooLarge,
        $"The command takes more than {LargestCommand} bytes on its way to the site, where each quote, backslash and other escaped character of the text and of names takes up to six. Pass long texts as parameter values, or split the command; nothing ran.");

    static readonly FrozenDictionary<string, QueryMode> Modes = JsonFieldReader.Words<QueryMode>(camelCase: true);

    /// <summary>Reads a body for a site.</summary>
    /// <param name="mode">How it is answered; null where the body says it (<c>POST …/queries</c>).</param>
    public (QuerySubmission? Submission, Refusal? Refusal) Read(ReadOnlyMemory<byte> body, QueryMode? mode, SiteRecord site)
    {
        var (submission, refusal) = RequestDocument.Read(body, "{ \"command\": { \"text\": \"SELECT …\" } }", (root, json) => Read(root, mode, site, json));
        if (submission is null)
            return (null, refusal);
        return FitsTheLine(submission.Command, body.Length) ? (submission with { RequestSize = body.Length }, null) : (null, TooLarge);
    }

    /// <summary>Written for the Link, a byte of a name or of the text can take six; values stay as they are.</summary>
    static bool FitsTheLine(QueryCommand command, int bodyBytes) =>
        6L * bodyBytes <= LargestCommand || RequestSize.OnTheLine(new(Guid.Empty, Guid.Empty, command, 0, 0, 0)) <= LargestCommand;

    QuerySubmission? Read(JsonElement root, QueryMode? mode, SiteRecord site, JsonFieldReader json)
    {
        var notices = QueryFields.Check(root, json);
        var asked = mode ?? json.Word(root, "mode", "mode", Modes, QueryMode.Async)!.Value;
        var (most, preset) = asked == QueryMode.Immediate
            ? (QueryLimits.ImmediateQueueMs, QueryLimits.ImmediateQueueDefaultMs)
            : (QueryLimits.AsyncQueueMs, QueryLimits.AsyncQueueDefaultMs);
        var wait = json.Whole(root, "maxTimeInQueue", "maxTimeInQueue", 0, most, Milliseconds) ?? preset;
        var catalogue = json.Text(root, "catalogue", "catalogue");
        if (catalogue is not null && !site.Catalogues.Any(c => c.Name.Equals(catalogue, StringComparison.OrdinalIgnoreCase)))
            json.Fault("catalogue", $"is not one of this site's: {string.Join(", ", site.Catalogues.Select(c => c.Name))}.");
        var (command, size) = ReadCommand(root, asked, json);
        if (command is null)
            return null;
        return new QuerySubmission(command, asked, catalogue, wait)
        {
            CommandSize = size,
            SqlSize = Encoding.UTF8.GetByteCount(command.Text),
            Notices = notices.Count > 0 ? notices : null,
        };
    }

    (QueryCommand? Command, long Size) ReadCommand(JsonElement root, QueryMode mode, JsonFieldReader json)
    {
        var longest = mode == QueryMode.Immediate ? limits.ImmediateExecutionMs : limits.AsyncExecutionMs;
        if (!JsonFieldReader.Present(root, "command", out var command))
        {
            var sql = json.Text(root, "sqlQuery", "sqlQuery");
            if (sql is null)
            {
                json.Fault("command", "is required: { \"text\": \"SELECT …\" }.");
                return (null, 0);
            }
            CommandReader.CheckText(sql, "sqlQuery", json);
            return (new QueryCommand(sql), JsonMarshal.GetRawUtf8Value(root.GetProperty("sqlQuery")).Length);
        }
        if (command.ValueKind != JsonValueKind.Object)
        {
            json.Fault("command", "must be an object: { \"text\": \"SELECT …\" }.");
            return (null, 0);
        }
        return (CommandReader.Read(command, longest, json), JsonMarshal.GetRawUtf8Value(command).Length);
    }
}

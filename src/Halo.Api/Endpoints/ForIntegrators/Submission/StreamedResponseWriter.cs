using System.Globalization;
using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Queries.Idempotency;
using Halo.Api.Queries.Immediate;
using Halo.Api.Queries.Immediate.Pending;
using Halo.Api.Queries.Requests;
using Halo.Api.Results.Formats;
using Halo.Api.Settings;
using Halo.Api.Sites;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Halo.Api.Endpoints.ForIntegrators.Submission;

/// <summary>
/// Immediate queries whose rows go to the caller as they come: (1) run, (2) wait for the first rows or the end: an end without
/// success has its status, (3) send rows on, granting the Link what the caller has taken, (4) end in order when the ledger has
/// the outcome; anything else aborts the response.
/// </summary>
sealed partial class StreamedResponseWriter(ImmediateQueries queries, ImmediateResponseWriter writer, SiteAccess access, QueryLimits limits, TimeProvider time, ILogger<StreamedResponseWriter> log)
{
    public const string QueryIdHeader = "Halo-Query-Id", NoticesHeader = "Halo-Notices", RowsTrailer = "Halo-Rows", StatusTrailer = "Halo-Status";

    /// <summary>Runs a query and answers with its rows.</summary>
    /// <param name="keyed">With an Idempotency-Key: a caller that goes away does not cancel then; the rest of the rows is read for nobody.</param>
    /// <returns>False: the key is another query's, nothing was sent and nothing answered.</returns>
    public async Task<bool> SendAsync(
        HttpContext http, SubmittedQuery submitted, QuerySubmission submission, RowForm form, KeyedRun? keyed)
    {
        using var rows = new RowFlow();
        using var stop = new CancellationTokenSource();
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(stop.Token, http.RequestAborted);
        // 1.
        var running = RunAsync(submitted, submission, rows, keyed, keyed is null ? gone.Token : stop.Token);
        // 2. Where both are there the end is known to be no failure before anything is said.
        await Task.WhenAny(running, rows.Begun);
        // The answer's head tells the query's id: not before it can be found by it. A good end says that it can.
        await Task.WhenAny(running, rows.Recorded);
        if (rows.Recorded.IsFaulted && !running.IsCompleted)
        {
            await stop.CancelAsync();
            await ((Task)running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        if (running.IsCompleted && (!running.IsCompletedSuccessfully || running.Result is not { Status: 200 }))
        {
            using var failed = await running;
            if (failed is null)
                return false;
            await writer.WriteAsync(http, submitted.Caller, failed);
            return true;
        }
        try
        {
            if (submission.Notices is { } notices)
                http.Response.Headers[NoticesHeader] = notices.Count.ToString(CultureInfo.InvariantCulture);
            await StreamAsync(http, submitted, form, rows, running, stop, gone.Token);
        }
        catch (Exception e)
        {
            if (!http.RequestAborted.IsCancellationRequested)
                LogAborted(rows.QueryId, e is RefusedException ? e.Message : stop.IsCancellationRequested ? "its caller took no rows in time" : e.GetType().Name);
            http.Abort();
            if (keyed is null || stop.IsCancellationRequested || !await rows.DropAsync(stop.Token))
                await stop.CancelAsync();
        }
        finally
        {
            await ((Task)running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (running.IsCompletedSuccessfully)
                running.Result?.Dispose();
        }
        return true;
    }

    async Task<ImmediateAnswer?> RunAsync(SubmittedQuery submitted, QuerySubmission submission, RowFlow rows, KeyedRun? keyed, CancellationToken callerGone)
    {
        try
        {
            var answer = await queries.RunAsync(submitted.Caller, submitted.Site, submission, keyed?.Condition, callerGone, keyed?.Withdrawn ?? default, rows);
            if (keyed is not null && answer is { Status: not 200 })
                await keyed.KeepAsync(answer);
            return answer;
        }
        finally
        {
            rows.End();
        }
    }

    async Task StreamAsync(
        HttpContext http, SubmittedQuery submitted, RowForm form, RowFlow rows, Task<ImmediateAnswer?> running, CancellationTokenSource stop, CancellationToken gone)
    {
        using var transcoder = form.To(rows.Columns, submitted.Wanted.IntegersAsText);
        var response = http.Response;
        response.ContentType = form.ContentType();
        response.Headers[QueryIdHeader] = rows.QueryId.ToString();
        if (response.SupportsTrailers())
        {
            response.DeclareTrailer(RowsTrailer);
            response.DeclareTrailer(StatusTrailer);
        }
        // One rule for slow callers, and it is ours: the server's own would cut them off earlier and would not be told.
        http.Features.Get<IHttpMinResponseDataRateFeature>()?.MinDataRate = null;
        await using var patience = time.CreateTimer(_ => stop.Cancel(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        // 3.
        while (await rows.ReadAsync(gone) is { IsEmpty: false } piece)
        {
            try
            {
                foreach (var segment in piece)
                    transcoder.Add(segment.Span);
                await WriteAsync();
            }
            finally
            {
                rows.Taken(piece);
            }
        }
        // 4.
        var answer = await running ?? throw new System.Diagnostics.UnreachableException();
        if (answer.Status != 200 && !response.HasStarted)
        {
            response.Clear();
            await writer.WriteAsync(http, submitted.Caller, answer);
            return;
        }
        if (answer.Status != 200)
            throw new InvalidDataException("The query did not end as it began.");
        if (answer.Query.ResultSize > 0)
            transcoder.EndArray();
        transcoder.EndDocument();
        if (response.SupportsTrailers())
        {
            response.AppendTrailer(RowsTrailer, transcoder.Rows.ToString(CultureInfo.InvariantCulture));
            response.AppendTrailer(StatusTrailer, "successful");
        }
        await WriteAsync();

        async ValueTask WriteAsync()
        {
            if (transcoder.Output.Length == 0)
                return;
            if (access.ForReading(submitted.Caller, submitted.Site.Id).Refusal is { } taken)
                throw new RefusedException(taken);
            patience.Change(TimeSpan.FromMilliseconds(limits.SlowReaderMs), Timeout.InfiniteTimeSpan);
            await response.Body.WriteAsync(transcoder.Output.Written, gone);
            patience.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            transcoder.Output.Clear();
        }
    }

    [LoggerMessage(1211, LogLevel.Information, "The streamed answer of query {QueryId} was aborted: {Reason}")]
    partial void LogAborted(Guid queryId, string reason);
}

using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Ledger.Records;
using Halo.Api.Results;
using Halo.Api.Results.Formats;
using Halo.Api.Results.Negotiation;

namespace Halo.Api.Endpoints.ForIntegrators;

/// <summary>Writes stored pages as one document: each is opened, decompressed, checked and written on before the next.</summary>
/// <remarks>A failure after the first byte aborts the connection, so that what ends in order is whole.</remarks>
sealed partial class StoredResponseWriter(ResultReader reader, ILogger<StoredResponseWriter> log)
{
    /// <summary>All pages of a result.</summary>
    public async Task<IResult> SendAsync(HttpContext http, WholeResult result, ResponseFormat wanted)
    {
        if (result.Pages.Count == 0)
            return await SendAsync(http, result, wanted, []);
        // Where the first is gone there is still time to say so.
        var (first, refusal) = await reader.OpenAsync(result.Query, result.Pages[0], http.RequestAborted);
        if (first is null)
            return refusal!.ToResult();
        await using (first)
            return await SendAsync(http, result, wanted, [first]);
    }

    /// <summary>Pages of a result, of which the first are open.</summary>
    public async Task<IResult> SendAsync(HttpContext http, WholeResult result, ResponseFormat wanted, IReadOnlyList<OpenPage> open)
    {
        var query = result.Query;
        var response = http.Response;
        response.ContentType = wanted.Form?.ContentType() ?? RowForms.JsonType;
        response.Headers.Vary = ResultsApi.Vary;
        using var transcoder = (wanted.Form ?? RowForm.Array).To(result.Columns, wanted.IntegersAsText);
        try
        {
            await WriteAsync(http, result, transcoder, open);
        }
        catch (Exception e) when (response.HasStarted)
        {
            if (e is not RefusedException && !http.RequestAborted.IsCancellationRequested)
                LogBroken(query.Id, e.GetType().Name);
            http.Abort();
        }
        return TypedResults.Empty;
    }

    /// <summary>The rows of a result, through a transcoder and into the answer, which goes on behind them as its caller likes.</summary>
    /// <param name="open">The first of its pages, as far as they are open.</param>
    /// <exception cref="InvalidDataException">A page cannot be read.</exception>
    /// <exception cref="RefusedException">The right to it was taken away.</exception>
    public async Task WriteAsync(HttpContext http, WholeResult result, IRowTranscoder transcoder, IReadOnlyList<OpenPage> open)
    {
        foreach (var page in open)
            await SendAsync(http.Response, transcoder, page, http.RequestAborted);
        foreach (var row in result.Pages.Skip(open.Count))
        {
            if (reader.RefusalOfRest(http.Caller(), result.Query) is { } taken)
                throw new RefusedException(taken);
            var (page, _) = await reader.OpenAsync(result.Query, row, http.RequestAborted);
            if (page is null)
                throw new InvalidDataException($"Page {row.PageNumber} cannot be read.");
            await using (page)
                await SendAsync(http.Response, transcoder, page, http.RequestAborted);
        }
        transcoder.EndDocument();
        await http.Response.Body.WriteAsync(transcoder.Output.Written, http.RequestAborted);
    }

    static async Task SendAsync(HttpResponse response, IRowTranscoder transcoder, OpenPage page, CancellationToken stop)
    {
        var before = transcoder.Rows;
        await foreach (var piece in page.ReadAsync(stop))
        {
            transcoder.Add(piece.Span);
            await response.Body.WriteAsync(transcoder.Output.Written, stop);
            transcoder.Output.Clear();
        }
        transcoder.EndArray();
        if (transcoder.Rows - before != page.Row.RowCount)
            throw new InvalidDataException($"Page {page.Row.PageNumber} has not as many rows as the manifest says.");
    }

    [LoggerMessage(1310, LogLevel.Error, "The result of query {QueryId} could not be read to its end ({Exception}); the answer was aborted")]
    partial void LogBroken(Guid queryId, string exception);
}

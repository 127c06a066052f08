using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.IO.Pipelines;
using System.Text.Json;
using Halo.Api.Integrators;
using Halo.Api.Queries.Immediate;
using Halo.Api.Settings;
using Halo.Api.Sites;
using Halo.Contracts.Json;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Halo.Api.Endpoints.ForIntegrators.Submission;

/// <summary>Writes an answer with its rows in base64, straight from the buffers in which they came: nothing holds the result twice.</summary>
/// <remarks>
/// A caller that takes nothing for <see cref="QueryLimits.SlowReaderMs"/>, or all of it more slowly than <see cref="SlowestBytesPerSecond"/>,
/// is cut off, so that the rows' memory is free for others.
/// </remarks>
sealed partial class ImmediateResponseWriter(SiteAccess access, QueryLimits limits, TimeProvider time, ILogger<ImmediateResponseWriter> log)
{
    /// <summary>Bytes of the answer that a caller has to take in a second, on the whole.</summary>
    public const int SlowestBytesPerSecond = 32 * 1024;

    /// <param name="integersAsText">Whether 64-bit integers are written as strings; then the rows are held twice.</param>
    public async Task WriteAsync(HttpContext http, IntegratorCaller caller, ImmediateAnswer answer, bool integersAsText = false)
    {
        if (access.ForReading(caller, answer.Query.SiteId).Refusal is { } taken)
            answer = answer.Withheld(taken);
        using var parts = AnswerParts.Of(answer, integersAsText);
        var response = http.Response;
        response.StatusCode = answer.Status;
        response.ContentType = "application/json; charset=utf-8";
        if (answer.Status == 503)
            response.Headers.RetryAfter = ((int)Math.Ceiling(answer.RetryAfter.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        if (answer.ServerTiming is { } timing)
            response.Headers["Server-Timing"] = timing;
        var envelope = JsonSerializer.SerializeToUtf8Bytes(answer.Query with { Result = null, Results = null, ResultSize = parts.Size ?? answer.Query.ResultSize }, HaloJson.Default.Query);
        if (parts.Count == 0)
        {
            response.ContentLength = envelope.Length;
            await response.BodyWriter.WriteAsync(envelope);
            return;
        }
        response.ContentLength = envelope.Length + parts.Bytes;
        // One rule for slow callers, and it is ours: the server's own would not tell.
        http.Features.Get<IHttpMinResponseDataRateFeature>()?.MinDataRate = null;
        using var patience = new SlowCallerLimit(limits.SlowReaderMs, response.ContentLength.Value, time);
        try
        {
            await WriteAsync(response.BodyWriter, envelope, parts, patience);
        }
        catch (OperationCanceledException) when (patience.IsOver)
        {
            LogSlow(answer.Query.Id);
            http.Abort();
        }
    }

    static async Task WriteAsync(PipeWriter writer, byte[] envelope, AnswerParts parts, SlowCallerLimit patience)
    {
        // {envelope…,"result":{…,"data":"<base64>"}}: objects are closed by hand, after the rows.
        writer.Write(envelope.AsSpan(0, envelope.Length - 1));
        writer.Write(parts.Begin);
        for (var i = 0; i < parts.Count; i++)
        {
            var (json, rows) = parts[i];
            if (i > 0)
                writer.Write(","u8);
            writer.Write(json.AsSpan(0, json.Length - 1));
            if (rows is not null)
            {
                writer.Write(AnswerParts.DataBegin);
                await WriteBase64Async(writer, rows, patience);
                writer.Write("\""u8);
            }
            writer.Write("}"u8);
        }
        writer.Write(parts.End);
        await patience.FlushAsync(writer);
    }

    /// <summary>Base64 over pieces of any length: what does not fill three bytes waits for the next piece.</summary>
    static async Task WriteBase64Async(PipeWriter writer, IReadOnlyList<ArraySegment<byte>> pieces, SlowCallerLimit patience)
    {
        var carry = new byte[3];
        var carried = 0;
        for (var i = 0; i < pieces.Count; i++)
        {
            // The last one leaves with what follows it: a small answer is one packet.
            if (i > 0)
                await patience.FlushAsync(writer);
            carried = Encode(writer, pieces[i], carry, carried);
        }
        Base64.EncodeToUtf8(carry.AsSpan(0, carried), writer.GetSpan(4), out _, out var last);
        writer.Advance(last);
    }

    static int Encode(PipeWriter writer, ReadOnlySpan<byte> piece, byte[] carry, int carried)
    {
        while (carried is > 0 and < 3 && !piece.IsEmpty)
        {
            carry[carried++] = piece[0];
            piece = piece[1..];
        }
        if (carried == 3)
        {
            Base64.EncodeToUtf8(carry, writer.GetSpan(4), out _, out var four);
            writer.Advance(four);
            carried = 0;
        }
        var whole = piece.Length - piece.Length % 3;
        if (whole > 0)
        {
            Base64.EncodeToUtf8(piece[..whole], writer.GetSpan(whole / 3 * 4), out _, out var written);
            writer.Advance(written);
        }
        foreach (var left in piece[whole..])
            carry[carried++] = left;
        return carried;
    }

    [LoggerMessage(1212, LogLevel.Information, "The answer of query {QueryId} was cut off: its caller took it too slowly")]
    partial void LogSlow(Guid queryId);
}

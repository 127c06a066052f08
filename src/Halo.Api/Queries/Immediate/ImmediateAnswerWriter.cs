using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.IO.Pipelines;
using System.Text.Json;
using Halo.Api.Results.Formats;
using Halo.Contracts.Json;

namespace Halo.Api.Queries.Immediate;

/// <summary>Writes an answer with its rows in base64, straight from the buffers in which they came: nothing holds the result twice.</summary>
static class ImmediateAnswerWriter
{
    /// <param name="integersAsText">Whether 64-bit integers are written as strings; then the rows are held twice.</param>
    public static async Task WriteAsync(HttpContext http, ImmediateAnswer answer, bool integersAsText = false)
    {
        using var rewritten = integersAsText ? RewriteIntegers(answer) : null;
        var response = http.Response;
        response.StatusCode = answer.Status;
        response.ContentType = "application/json; charset=utf-8";
        if (answer.Status == 503)
            response.Headers.RetryAfter = "5";
        if (Timing(answer) is { } timing)
            response.Headers["Server-Timing"] = timing;
        var envelope = JsonSerializer.SerializeToUtf8Bytes(answer.Query with { Result = null, ResultSize = rewritten?.Output.Length ?? answer.Query.ResultSize }, HaloJson.Default.Query);
        if (answer.Query.Result is not { } result)
        {
            response.ContentLength = envelope.Length;
            await response.BodyWriter.WriteAsync(envelope);
            return;
        }
        // {envelope…,"result":{…,"data":"<base64>"}}: both objects are closed by hand, after the rows.
        var tail = JsonSerializer.SerializeToUtf8Bytes(result with { Size = rewritten?.Output.Length ?? result.Size }, HaloJson.Default.QueryResult);
        var rows = rewritten is null ? answer.Rows : [rewritten.Output.Segment];
        var length = rows is null ? 0L : rows.Sum(r => (long)r.Count);
        response.ContentLength = envelope.Length - 1 + ",\"result\":".Length + tail.Length + 1
            + (rows is null ? 0 : ",\"data\":\"\"".Length + (length + 2) / 3 * 4);
        var writer = response.BodyWriter;
        writer.Write(envelope.AsSpan(0, envelope.Length - 1));
        writer.Write(",\"result\":"u8);
        writer.Write(tail.AsSpan(0, tail.Length - 1));
        if (rows is not null)
        {
            writer.Write(",\"data\":\""u8);
            await WriteBase64Async(writer, rows);
            writer.Write("\""u8);
        }
        writer.Write("}}"u8);
        await writer.FlushAsync();
    }

    static RowTranscoder? RewriteIntegers(ImmediateAnswer answer)
    {
        if (answer.Rows is not { Count: > 0 } pieces || answer.Query.Result!.Columns is not { } columns || !IntegerForm.Concerns(columns))
            return null;
        var transcoder = RowForm.Array.To(columns, integersAsText: true);
        foreach (var piece in pieces)
            transcoder.Add(piece);
        transcoder.EndArray();
        transcoder.EndDocument();
        return transcoder;
    }

    /// <summary>Base64 over pieces of any length: what does not fill three bytes waits for the next piece.</summary>
    static async Task WriteBase64Async(PipeWriter writer, IReadOnlyList<ArraySegment<byte>> pieces)
    {
        var carry = new byte[3];
        var carried = 0;
        foreach (var piece in pieces)
        {
            carried = Encode(writer, piece, carry, carried);
            await writer.FlushAsync();
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

    static string? Timing(ImmediateAnswer answer) => answer.Query.Metrics is not { } m
        ? null
        : string.Create(CultureInfo.InvariantCulture,
            $"queue;dur={m.QueueDuration:0.###}, link;dur={m.LinkDuration:0.###}, sql;dur={m.SqlExecutionDuration:0.###}, encode;dur={m.EncodeDuration:0.###}");
}

using System.Text.Json;
using Halo.Api.Queries.Immediate;
using Halo.Api.Results.Formats;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;

namespace Halo.Api.Endpoints.ForIntegrators.Submission;

/// <summary>What follows the envelope of an answer: its result, or the results of a batch, each with the rows that are its own, still in the buffers in which they came.</summary>
sealed class AnswerParts : IDisposable
{
    readonly List<(byte[] Json, IReadOnlyList<ArraySegment<byte>>? Rows)> _parts = [];
    readonly List<IRowTranscoder> _rewritten = [];
    readonly bool _isBatch;
    long _rows;

    AnswerParts(bool isBatch) => _isBatch = isBatch;

    /// <summary>What stands before the base64 of rows.</summary>
    public static ReadOnlySpan<byte> DataBegin => ",\"data\":\""u8;

    public int Count => _parts.Count;

    /// <summary>A result as JSON, and its rows; null: it has none.</summary>
    public (byte[] Json, IReadOnlyList<ArraySegment<byte>>? Rows) this[int index] => _parts[index];

    /// <summary>Bytes of all rows, where they were rewritten; null: as the query says.</summary>
    public long? Size => _rewritten.Count == 0 ? null : _rows;

    public ReadOnlySpan<byte> Begin => _isBatch ? ",\"results\":["u8 : ",\"result\":"u8;

    /// <summary>With the brace that closes the envelope.</summary>
    public ReadOnlySpan<byte> End => _isBatch ? "]}"u8 : "}"u8;

    /// <summary>Bytes that all of it adds to the envelope, whose last brace is in it.</summary>
    public long Bytes => Begin.Length + End.Length - 1 + _parts.Sum(p => p.Json.Length + (p.Rows is null ? 0 : DataBegin.Length + 1 + (LengthOf(p.Rows) + 2) / 3 * 4)) + _parts.Count - 1;

    /// <param name="integersAsText">Whether 64-bit integers are written as strings; then such rows are held twice.</param>
    public static AnswerParts Of(ImmediateAnswer answer, bool integersAsText)
    {
        var parts = new AnswerParts(answer.Query.Results is not null);
        var from = 0L;
        IReadOnlyList<ResultColumn>? columns = null;
        foreach (var result in answer.Query.Results ?? (answer.Query.Result is { } one ? [one] : []))
        {
            // Answers that were kept without their rows have none.
            var rows = result.Rows is null || answer.Rows is not { } all ? null : parts._isBatch ? Slice(all, from, result.Size) : all;
            from += result.Size;
            columns = result.Columns ?? columns;
            parts.Add(answer, result, rows, integersAsText ? columns : null);
        }
        return parts;
    }

    public void Dispose() => _rewritten.ForEach(r => r.Dispose());

    /// <param name="rewrittenBy">Its columns, where 64-bit integers are to be strings; null: they are not.</param>
    void Add(ImmediateAnswer answer, QueryResult result, IReadOnlyList<ArraySegment<byte>>? rows, IReadOnlyList<ResultColumn>? rewrittenBy)
    {
        if (rows is { Count: > 0 } pieces && rewrittenBy is { } columns && RowForms.HasLargeIntegers(columns))
        {
            var transcoder = RowForm.Array.To(columns, integersAsText: true);
            _rewritten.Add(transcoder);
            foreach (var piece in pieces)
                transcoder.Add(piece);
            transcoder.EndArray();
            transcoder.EndDocument();
            answer.Copied(transcoder.Output.Length);
            (rows, result) = ([transcoder.Output.Segment], result with { Size = transcoder.Output.Length });
        }
        _rows += result.Size;
        _parts.Add((JsonSerializer.SerializeToUtf8Bytes(result, HaloJson.Default.QueryResult), rows));
    }

    static List<ArraySegment<byte>> Slice(IReadOnlyList<ArraySegment<byte>> pieces, long from, long length)
    {
        var slice = new List<ArraySegment<byte>>();
        foreach (var piece in pieces)
        {
            if (length == 0)
                break;
            if (from < piece.Count)
            {
                var part = piece.Slice((int)from, (int)Math.Min(length, piece.Count - from));
                slice.Add(part);
                length -= part.Count;
                from = 0;
            }
            else
                from -= piece.Count;
        }
        return slice;
    }

    static long LengthOf(IReadOnlyList<ArraySegment<byte>> rows) => rows.Sum(r => (long)r.Count);
}

using System.IO.Compression;
using Halo.Api.Basics;
using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Ledger.Registered;

/// <summary>What the runs of registered queries gave: counts, the newest result, what changed. A report that is told twice changes nothing.</summary>
sealed class RegisteredResults(Database database, RegisteredStore store, TimeProvider time)
{
    /// <summary>Bytes of changes that one answer brings, about.</summary>
    const long AnswerBytes = 16 * 1024 * 1024;

    const string Count =
        """
        UPDATE registered_queries SET succeeded = @succeeded, failed = @failed, size_sum = @size_sum, last_execution_ms = COALESCE(@execution, last_execution_ms),
          last_succeeded_at = COALESCE(@succeeded_at, last_succeeded_at), last_failed_at = COALESCE(@failed_at, last_failed_at), detail = @detail
        WHERE id = @id AND status = 'enabled' AND expires_at > @now AND succeeded + failed < @runs
        """;

    const string Deliver =
        """
        UPDATE registered_queries SET last_hash = @hash, delivered = delivered + 1, result_rows = @rows, result_size = @size, result = @result, detail = @detail
        WHERE id = @id AND status = 'enabled' AND expires_at > @now AND delivered = @delivered
        """;

    /// <summary>Counts a run that brought no new result.</summary>
    public Task<int> CountAsync(RegisteredRecord query, RegisteredReport report)
    {
        var detail = Seal(query, store.DetailOf(query) with { Error = report.Error });
        return database.WriteAsync(t => t.RunAsync(Count, CountValues(query, report, detail)));
    }

    /// <summary>Keeps a new result, counts its run, and writes what changed.</summary>
    /// <param name="rows">The result, compressed.</param>
    /// <param name="changes">JSON of what changed, compressed; null: it is not kept, or it is the first and was not to count.</param>
    /// <returns>False: another result was taken meanwhile, or it has ended. Nothing is stored.</returns>
    public async Task<bool> DeliverAsync(RegisteredRecord query, RegisteredReport report, ReadOnlyMemory<byte> rows, byte[]? changes)
    {
        var number = query.Delivered + 1;
        var key = store.KeyOf(query);
        var detail = Seal(query, new QueryDetail { Columns = report.Columns });
        var result = SealedBlob.Seal(key, BlobPlace.RegisteredResult(number), rows.Span);
        var change = changes is null ? null : SealedBlob.Seal(key, BlobPlace.RegisteredChange(number), changes);
        var now = time.GetUtcNow();
        var run = QueryTable.Insert(query.ToNewQuery(QueryIdOf(now), now), new(QueryStatus.Successful, now.Ms()) { ExecutingAt = now.Ms(), CompletedAt = now.Ms() },
            new Settlement(QueryStatus.Successful, Mover.Link) { At = now, Rows = report.Rows, Size = report.Size, ResultSets = 1, Timings = report.Timings });
        return await database.WriteAsync(async t =>
        {
            if (await t.RunAsync(Deliver, ("id", query.Id), ("hash", report.Hash), ("rows", report.Rows), ("size", report.Size), ("result", result), ("detail", detail),
                    ("delivered", query.Delivered), ("now", now.Ms())) == 0)
                return false;
            await t.RunAsync(Count, CountValues(query, report, detail));
            if (change is not null)
            {
                await t.RunAsync("INSERT INTO registered_changes (registered_id, number, at, content) VALUES (@id, @number, @at, @content)",
                    ("id", query.Id), ("number", number), ("at", now.Ms()), ("content", change));
            }
            await t.RunAsync(run);
            return true;
        });
    }

    /// <summary>The newest result, JSON; null: there is none, or it is not kept any more.</summary>
    public async Task<byte[]?> NewestAsync(RegisteredRecord query)
    {
        if (query.WrappedKey is null)
            return null;
        // Number and bytes as they stand together: a newer result may have come since the record was read.
        var found = await database.ReadAsync(r => (Number: r.GetInt32(0), Result: r.BytesOrNull(1)), "SELECT delivered, result FROM registered_queries WHERE id = @id", ("id", query.Id));
        return found is [(var number, { } blob)] ? Decompress(SealedBlob.Open(store.KeyOf(query), BlobPlace.RegisteredResult(number), blob)) : null;
    }

    /// <summary>What changed after a result, oldest first, as much as one answer brings; null: not all of it is kept.</summary>
    /// <param name="after">The number of that result; 0: before the first.</param>
    public async Task<IReadOnlyList<(int Number, DateTimeOffset At, byte[] Json)>?> ChangesAsync(RegisteredRecord query, int after)
    {
        var numbers = await database.ReadAsync(r => (Number: r.GetInt32(0), Length: r.GetInt64(1)),
            "SELECT number, length(content) FROM registered_changes WHERE registered_id = @id AND number > @after ORDER BY number", ("id", query.Id), ("after", after));
        // The first of one that does not count it has no number 1.
        var from = after == 0 && !query.DeliverFirst ? 2 : after + 1;
        if (query.WrappedKey is null || after > query.Delivered || (numbers.Count > 0 ? numbers[0].Number != from : after < query.Delivered && query.Delivered >= from))
            return null;
        var (bytes, taken) = (0L, 0);
        while (taken < numbers.Count && (taken == 0 || bytes + numbers[taken].Length <= AnswerBytes))
            bytes += numbers[taken++].Length;
        if (taken == 0)
            return [];
        var rows = await database.ReadAsync(r => (Number: r.GetInt32(0), At: r.Time(1), Content: r.GetFieldValue<byte[]>(2)),
            "SELECT number, at, content FROM registered_changes WHERE registered_id = @id AND number > @after AND number <= @to ORDER BY number",
            ("id", query.Id), ("after", after), ("to", numbers[taken - 1].Number));
        var key = store.KeyOf(query);
        return [.. rows.Select(r => (r.Number, r.At, Decompress(SealedBlob.Open(key, BlobPlace.RegisteredChange(r.Number), r.Content))))];
    }

    /// <summary>By Brotli, quickly.</summary>
    public static byte[] Compress(ReadOnlySpan<byte> json)
    {
        using var compressed = new MemoryStream();
        using (var brotli = new BrotliStream(compressed, CompressionLevel.Fastest, leaveOpen: true))
            brotli.Write(json);
        return compressed.ToArray();
    }

    static byte[] Decompress(byte[] compressed)
    {
        using var json = new MemoryStream();
        using (var brotli = new BrotliStream(new MemoryStream(compressed), CompressionMode.Decompress))
            brotli.CopyTo(json);
        return json.ToArray();
    }

    static Guid QueryIdOf(DateTimeOffset at) => Guid.CreateVersion7(at);

    byte[]? Seal(RegisteredRecord query, QueryDetail detail) => detail.IsEmpty ? null : LedgerSeal.Seal(store.KeyOf(query), detail);

    (string, object?)[] CountValues(RegisteredRecord query, RegisteredReport report, byte[]? detail)
    {
        var now = time.GetUtcNow().Ms();
        return
        [
            ("id", query.Id), ("succeeded", report.Counts.Succeeded), ("failed", report.Counts.Failed), ("size_sum", report.Counts.SizeSum), ("runs", report.Counts.Runs),
            ("execution", report.Timings is { } t ? (long)t.ExecuteMs : null), ("succeeded_at", report.Hash is null ? null : now), ("failed_at", report.Hash is null ? now : null),
            ("detail", detail), ("now", now),
        ];
    }
}

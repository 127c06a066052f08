using System.IO.Compression;
using Halo.Api.Ledger.Events;
using Halo.Api.Ledger.Records;
using Halo.Api.Settings;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Halo.Contracts.Events;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Ledger.Registered;

/// <summary>What the runs of registered queries gave: counts, the newest result, what changed. A report that is told twice changes nothing.</summary>
sealed class RegisteredResults(Database database, RegisteredStore store, QueryLimits limits, ResultOptions kept, TimeProvider time)
{
    /// <summary>Bytes of JSON of changes that one answer brings; one that has more by itself comes alone.</summary>
    const long AnswerBytes = 16 * 1024 * 1024;

    const string Count =
        """
        UPDATE registered_queries SET succeeded = @succeeded, failed = @failed, last_execution_ms = COALESCE(@execution, last_execution_ms),
          last_succeeded_at = COALESCE(@succeeded_at, last_succeeded_at), last_failed_at = COALESCE(@failed_at, last_failed_at), detail = @detail
        WHERE id = @id AND status = 'enabled' AND expires_at > @now AND succeeded + failed < @runs
        """;

    const string Deliver =
        """
        UPDATE registered_queries SET last_hash = @hash, delivered = delivered + 1, size_sum = size_sum + @size, result_rows = @rows, result_size = @size, result = @result, detail = @detail
        WHERE id = @id AND status = 'enabled' AND expires_at > @now AND delivered = @delivered
        """;

    /// <summary>The oldest go where all together are too many: a reader who had not come to them is told to begin anew.</summary>
    const string ForgetOverBound =
        """
        DELETE FROM registered_changes WHERE registered_id = @id AND number IN (
          SELECT number FROM (SELECT number, SUM(size) OVER (ORDER BY number DESC) AS whole FROM registered_changes WHERE registered_id = @id) AS counted WHERE whole > @most)
        """;

    /// <summary>Counts a run that brought no new result.</summary>
    public Task<int> CountAsync(RegisteredRecord query, RegisteredReport report)
    {
        var detail = Seal(query, store.DetailOf(query) with { Error = report.Error });
        return database.WriteAsync(async t =>
        {
            var counted = await t.RunAsync(Count, CountValues(query, report, detail));
            // The first failure is told, and not each that follows it.
            if (counted > 0 && report.Error is { } error && store.DetailOf(query).Error is null)
            {
                await EventLog.AppendAsync(t,
                    [new(query.IntegratorId, EventTypes.QueryFailed, query.SiteId, new() { QueryId = query.Id, Source = EventSources.Registered, Code = error.Code })], time.GetUtcNow().Ms());
            }
            return counted;
        });
    }

    /// <summary>Keeps a new result, counts its run, and writes what changed.</summary>
    /// <param name="rows">The result, compressed.</param>
    /// <param name="changes">JSON of what changed; null: it is not kept, or it is the first and was not to count.</param>
    /// <returns>False: another result was taken meanwhile, or it has ended. Nothing is stored.</returns>
    public async Task<bool> DeliverAsync(RegisteredRecord query, RegisteredReport report, ReadOnlyMemory<byte> rows, byte[]? changes)
    {
        var number = query.Delivered + 1;
        var key = store.KeyOf(query);
        var detail = Seal(query, new QueryDetail { Columns = report.Columns });
        var result = SealedBlob.Seal(key, BlobPlace.RegisteredResult(number), rows.Span);
        var change = changes is null ? null : SealedBlob.Seal(key, BlobPlace.RegisteredChange(number), Compress(changes));
        var now = time.GetUtcNow();
        var run = QueryTable.Insert(query.ToNewQuery(Guid.CreateVersion7(now), now), new(QueryStatus.Successful, now.Ms()) { ExecutingAt = now.Ms(), CompletedAt = now.Ms() },
            new Settlement(QueryStatus.Successful, Mover.Link) { At = now, Rows = report.Rows, Size = report.Size, ResultSets = 1, Timings = report.Timings });
        return await database.WriteAsync(async t =>
        {
            if (await t.RunAsync(Deliver, ("id", query.Id), ("hash", report.Hash), ("rows", report.Rows), ("size", report.Size), ("result", result), ("detail", detail),
                    ("delivered", query.Delivered), ("now", now.Ms())) == 0)
                return false;
            await t.RunAsync(Count, CountValues(query, report, detail));
            if (change is not null)
            {
                await t.RunAsync("INSERT INTO registered_changes (registered_id, number, at, size, content) VALUES (@id, @number, @at, @size, @content)",
                    ("id", query.Id), ("number", number), ("at", now.Ms()), ("size", (long)changes!.Length), ("content", change));
                await t.RunAsync(ForgetOverBound, ("id", query.Id), ("most", (long)limits.RegisteredChangesBytes));
            }
            await t.RunAsync(run);
            await EventLog.AppendAsync(t, EventsOf(query, report, number), now.Ms());
            return true;
        });
    }

    /// <summary>The newest result, and all that belongs to it, as it stands at this moment; null: there is none, or it is not kept any more.</summary>
    /// <exception cref="SealBrokenException">It cannot be read any more.</exception>
    public async Task<NewestResult?> NewestAsync(RegisteredRecord query)
    {
        if (!IsKept(query))
            return null;
        var found = await database.ReadAsync(
            r => (Number: r.GetInt32(0), Hash: r.StringOrNull(1), Rows: r.LongOrNull(2), Size: r.LongOrNull(3), Detail: r.BytesOrNull(4), Result: r.BytesOrNull(5)),
            "SELECT delivered, last_hash, result_rows, result_size, detail, result FROM registered_queries WHERE id = @id", ("id", query.Id));
        return found is [{ Hash: { } hash, Result: { } blob } newest]
            ? new(newest.Number, hash, newest.Rows ?? 0, newest.Size ?? 0, store.DetailOf(query with { Detail = newest.Detail }).Columns ?? [],
                SealedBlob.Open(store.KeyOf(query), BlobPlace.RegisteredResult(newest.Number), blob))
            : null;
    }

    /// <summary>What changed after a result, oldest first, as much as one answer brings; null: not all of it is kept.</summary>
    /// <param name="after">The number of that result; 0: before the first.</param>
    public async Task<IReadOnlyList<StoredChange>?> ChangesAsync(RegisteredRecord query, int after)
    {
        if (!IsKept(query) || after > query.Delivered)
            return null;
        var since = (time.GetUtcNow() - TimeSpan.FromHours(kept.RetentionHours)).Ms();
        var sizes = await database.ReadAsync(r => (Number: r.GetInt32(0), Size: r.GetInt64(1)),
            "SELECT number, size FROM registered_changes WHERE registered_id = @id AND number > @after AND at > @since ORDER BY number",
            ("id", query.Id), ("after", after), ("since", since));
        // Where the first result does not count, there is no number 1.
        var from = after == 0 && !query.DeliverFirst ? 2 : after + 1;
        if (sizes.Count > 0 ? sizes[0].Number != from : query.Delivered >= from)
            return null;
        var (bytes, taken) = (0L, 0);
        while (taken < sizes.Count && (taken == 0 || bytes + sizes[taken].Size <= AnswerBytes))
            bytes += sizes[taken++].Size;
        if (taken == 0)
            return [];
        var changes = await database.ReadAsync(r => new StoredChange(r.GetInt32(0), r.Time(1), r.GetFieldValue<byte[]>(2)),
            "SELECT number, at, content FROM registered_changes WHERE registered_id = @id AND number > @after AND number <= @to ORDER BY number",
            ("id", query.Id), ("after", after), ("to", sizes[taken - 1].Number));
        // Some may have gone between the two looks.
        return changes.Count == taken ? changes : null;
    }

    /// <summary>JSON of a change.</summary>
    /// <exception cref="SealBrokenException">It cannot be read any more.</exception>
    public Stream OpenRead(RegisteredRecord query, StoredChange change) =>
        Decompress(SealedBlob.Open(store.KeyOf(query), BlobPlace.RegisteredChange(change.Number), change.Content));

    /// <summary>Whether what it gave may still be read. The clock decides, whenever the rows go.</summary>
    public bool IsKept(RegisteredRecord query) =>
        query.WrappedKey is not null && time.GetUtcNow() < (query.CancelledAt ?? query.ExpiresAt) + TimeSpan.FromHours(kept.RetentionHours);

    /// <summary>By Brotli, quickly.</summary>
    public static byte[] Compress(ReadOnlySpan<byte> json)
    {
        using var compressed = new MemoryStream();
        using (var brotli = new BrotliStream(compressed, CompressionLevel.Fastest, leaveOpen: true))
            brotli.Write(json);
        return compressed.ToArray();
    }

    /// <summary>What <see cref="Compress"/>, or a Link, made.</summary>
    public static BrotliStream Decompress(byte[] compressed) => new(new MemoryStream(compressed), CompressionMode.Decompress);

    static List<NewEvent> EventsOf(RegisteredRecord query, RegisteredReport report, int number)
    {
        var data = new EventData { QueryId = query.Id, Source = EventSources.Registered, Hash = report.Hash, Rows = report.Rows };
        List<NewEvent> events = [new(query.IntegratorId, EventTypes.QueryCompleted, query.SiteId, data)];
        if (number > 1 || query.DeliverFirst)
            events.Add(new(query.IntegratorId, EventTypes.RegisteredChanged, query.SiteId, data));
        return events;
    }

    byte[]? Seal(RegisteredRecord query, QueryDetail detail) => detail.IsEmpty ? null : LedgerSeal.Seal(store.KeyOf(query), detail);

    (string, object?)[] CountValues(RegisteredRecord query, RegisteredReport report, byte[]? detail)
    {
        var now = time.GetUtcNow().Ms();
        return
        [
            ("id", query.Id), ("succeeded", report.Counts.Succeeded), ("failed", report.Counts.Failed), ("runs", report.Counts.Runs),
            ("execution", report.Timings is { } t ? (long)t.ExecuteMs : null), ("succeeded_at", report.Hash is null ? null : now), ("failed_at", report.Hash is null ? now : null),
            ("detail", detail), ("now", now),
        ];
    }
}

/// <summary>The newest result of a registered query.</summary>
/// <param name="Number">Of the results that differed from the one before, from 1.</param>
/// <param name="Hash">SHA-256, 64 lower-case hexadecimal digits.</param>
/// <param name="Rows">How many there are.</param>
/// <param name="Size">Bytes of JSON.</param>
/// <param name="Columns">In order.</param>
/// <param name="Compressed">The JSON array, by Brotli.</param>
sealed record NewestResult(int Number, string Hash, long Rows, long Size, IReadOnlyList<ResultColumn> Columns, byte[] Compressed)
{
    /// <summary>The JSON array.</summary>
    public Stream OpenRead() => RegisteredResults.Decompress(Compressed);
}

/// <summary>What changed with one result, as it is stored.</summary>
/// <param name="Number">Of the result.</param>
/// <param name="At">When it came.</param>
/// <param name="Content">Encrypted.</param>
sealed record StoredChange(int Number, DateTimeOffset At, byte[] Content);

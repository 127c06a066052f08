using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json;
using Halo.Api.Errors;
using Halo.Api.Ledger.Registered;
using Halo.Api.Settings;
using Halo.Api.Sites;
using Halo.Api.Storage.Keys;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.LinkProtocol.Messages;
using Halo.LinkProtocol.Rows;

namespace Halo.Api.Queries.Registered;

/// <summary>What Links ask and tell of registered queries: the list, each with its command, and what each run gave.</summary>
sealed class RegisteredReports(RegisteredStore store, RegisteredResults results, SiteDirectory sites, QueryLimits limits, TimeProvider time) : IDisposable
{
    /// <summary>New results that are compared at once: each is held whole, and the one before.</summary>
    const int AtOnce = 2;

    readonly SemaphoreSlim _places = new(AtOnce);

    /// <summary>What is registered at the sites of a Link.</summary>
    public async Task<RegisteredList> ListAsync(Guid linkId)
    {
        var now = time.GetUtcNow();
        var found = await store.OfSitesAsync([.. sites.OfLink(linkId).Select(s => s.Id)]);
        return new([.. found.Select(f => new RegisteredHead(f.Id, Remaining(f.ExpiresAt, now)))]);
    }

    /// <summary>One of them; null: it has ended, or is not at a site of this Link.</summary>
    public async Task<RegisteredDefinition?> FindAsync(Guid linkId, Guid id)
    {
        if (await RunningAsync(linkId, id) is not { } query)
            return null;
        var command = await store.CommandOfAsync(query);
        return new(query.Id, query.SiteId, query.IntegratorId, command, query.Frequency * 1000, Remaining(query.ExpiresAt, time.GetUtcNow()),
            Math.Min(command.Timeout ?? int.MaxValue, limits.RegisteredRunMs), limits.RegisteredResultBytes)
        {
            Catalogue = query.Catalogue,
            Key = query.Key,
            LastHash = query.LastHash,
            Counts = query.Counts,
        };
    }

    /// <summary>Takes what a run gave.</summary>
    /// <param name="rows">Compressed; empty: there are none, or they have not changed.</param>
    /// <returns>What is held now; null: it has ended, or is not at a site of this Link, which forgets it.</returns>
    public async Task<(RegisteredAck? Ack, Refusal? Refusal)> TakeAsync(Guid linkId, Guid id, RegisteredReport report, ReadOnlyMemory<byte> rows, CancellationToken stop)
    {
        if (await RunningAsync(linkId, id) is not { } query)
            return (null, null);
        // As queries wait there, and are not lost: what the site has may be another practice's until an operator says otherwise.
        if (sites.Find(query.SiteId) is not { Status: SiteStatus.Active, Authoritative: true, Confirmed: true, MinimumVersion: null })
            return (null, new Refusal(503, ErrorCodes.ServiceUnavailable, "The site may not be queried now; nothing was taken. Try again later.") { RetryAfter = TimeSpan.FromSeconds(60) });
        if (report.Error?.Code == FailureCodes.PolicyRefused)
        {
            await results.CountAsync(query, report);
            await store.CancelAsync(id);
            return (null, null);
        }
        if (report.Hash is null || report.Hash == query.LastHash || rows.IsEmpty)
        {
            await results.CountAsync(query, report);
            return (new(query.LastHash), null);
        }
        if (!await _places.WaitAsync(TimeSpan.FromSeconds(10), stop))
            return (null, new Refusal(503, ErrorCodes.ServiceUnavailable, "Many results are being taken. Try again shortly.") { RetryAfter = TimeSpan.FromSeconds(5) });
        try
        {
            var (json, fault) = Read(query, report, rows);
            if (json is null)
                return (null, Refusal.Invalid("body", fault!));
            return await results.DeliverAsync(query, report, rows, await ChangesAsync(query, json))
                ? (new(report.Hash), null)
                : await store.FindAsync(id) is { } now && now.IsRunning(time.GetUtcNow()) ? (new(now.LastHash), null) : (null, null);
        }
        finally
        {
            _places.Release();
        }
    }

    public void Dispose() => _places.Dispose();

    /// <summary>The result, where it is what the report says.</summary>
    (byte[]? Json, string? Fault) Read(RegisteredRecord query, RegisteredReport report, ReadOnlyMemory<byte> rows)
    {
        if (report.Size < 0 || report.Size > limits.RegisteredResultBytes)
            return (null, $"A result may have {limits.RegisteredResultBytes} bytes.");
        try
        {
            var json = new byte[report.Size];
            using var brotli = new BrotliStream(new MemoryStream(rows.ToArray()), CompressionMode.Decompress);
            if (brotli.ReadAtLeast(json, json.Length, throwOnEndOfStream: false) != json.Length || brotli.ReadByte() >= 0)
                return (null, "The rows have not as many bytes as the report says.");
            var hash = query.Key is { } key ? KeyedRows.Read(json, key).Hash() : Convert.ToHexStringLower(SHA256.HashData(json));
            return hash == report.Hash ? (json, null) : (null, "The rows do not have the hash that the report says.");
        }
        catch (Exception e) when (e is InvalidDataException or InvalidOperationException or JsonException or KeyFaultException)
        {
            return (null, "The rows cannot be read.");
        }
    }

    /// <returns>Null: none are kept, or this is where they begin.</returns>
    async Task<byte[]?> ChangesAsync(RegisteredRecord query, byte[] json)
    {
        if (query.Key is not { } key || query.Delivered == 0 && !query.DeliverFirst)
            return null;
        var before = query.Delivered == 0 ? null : await BeforeAsync(query, key);
        return RegisteredResults.Compress(RegisteredChanges.Compare(before, KeyedRows.Read(json, key), key, isReset: query.Delivered > 0 && before is null));
    }

    /// <returns>Null: it is lost.</returns>
    async Task<KeyedRows?> BeforeAsync(RegisteredRecord query, IReadOnlyList<string> key)
    {
        try
        {
            return await results.NewestAsync(query) is { } json ? KeyedRows.Read(json, key) : null;
        }
        catch (SealBrokenException)
        {
            return null;
        }
    }

    async Task<RegisteredRecord?> RunningAsync(Guid linkId, Guid id) =>
        await store.FindAsync(id) is { } query && query.IsRunning(time.GetUtcNow()) && sites.Find(query.SiteId)?.LinkId == linkId ? query : null;

    static long Remaining(DateTimeOffset expiresAt, DateTimeOffset now) => Math.Max(0, (long)(expiresAt - now).TotalMilliseconds);
}

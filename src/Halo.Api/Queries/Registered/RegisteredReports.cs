using System.Security.Cryptography;
using Halo.Api.Errors;
using Halo.Api.Ledger.Events;
using Halo.Api.Ledger.Registered;
using Halo.Api.Results.Pages;
using Halo.Api.Settings;
using Halo.Api.Sites;
using Halo.Api.Storage.Keys;
using Halo.Contracts.Errors;
using Halo.Contracts.Sites;
using Halo.LinkProtocol.Messages;
using Halo.LinkProtocol.Rows;

namespace Halo.Api.Queries.Registered;

/// <summary>What Links ask and tell of registered queries: the list, each with its command, and what each run gave.</summary>
sealed partial class RegisteredReports(
    RegisteredStore store, RegisteredResults results, EventSignals signals, PageIntake intake, SiteDirectory sites, QueryLimits limits, TimeProvider time, ILogger<RegisteredReports> log) : IDisposable
{
    /// <summary>New results that are compared at once: each is held whole, and the one before.</summary>
    const int AtOnce = 2;

    static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);

    readonly SemaphoreSlim _places = new(AtOnce);

    /// <summary>What is registered at the sites of a Link.</summary>
    public async Task<RegisteredList> ListAsync(Guid linkId)
    {
        var now = time.GetUtcNow();
        var found = await store.OfSitesAsync([.. sites.OfLink(linkId).Select(s => s.Id)]);
        return new([.. found.Select(f => new RegisteredHead(f.Id, Remaining(f.ExpiresAt, now)))]);
    }

    /// <summary>One of them; null: it has ended, cannot be read any more, or is not at a site of this Link.</summary>
    public async Task<RegisteredDefinition?> FindAsync(Guid linkId, Guid id)
    {
        if (await RunningAsync(linkId, id) is not { } query)
            return null;
        try
        {
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
        catch (SealBrokenException)
        {
            await GiveUpAsync(query);
            return null;
        }
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
        try
        {
            return await TakeAsync(query, report, rows, stop);
        }
        catch (SealBrokenException)
        {
            await GiveUpAsync(query);
            return (null, null);
        }
    }

    async Task<(RegisteredAck? Ack, Refusal? Refusal)> TakeAsync(RegisteredRecord query, RegisteredReport report, ReadOnlyMemory<byte> rows, CancellationToken stop)
    {
        if (report.Hash is null || report.Hash == query.LastHash || rows.IsEmpty)
        {
            await results.CountAsync(query, report);
            if (report.Error is not null)
                signals.Raise(query.IntegratorId);
            if (report.Forbidden)
                await store.CancelAsync(query.Id);
            return report.Forbidden ? (null, null) : (new(query.LastHash), null);
        }
        if (report.Size > limits.RegisteredResultBytes)
            return (null, Refusal.Invalid("body", $"has {report.Size} bytes of JSON, and a result may have {limits.RegisteredResultBytes}."));
        using (var check = intake.Begin(report.Size, report.Rows))
        {
            await check.AddAsync(rows, stop);
            if (check.Complete() is { } fault)
                return (null, Refusal.Invalid("body", $"{fault}."));
        }
        if (!await _places.WaitAsync(LongestWait, stop))
            return (null, new Refusal(503, ErrorCodes.ServiceUnavailable, "Many results are being taken. Try again shortly.") { RetryAfter = TimeSpan.FromSeconds(5) });
        try
        {
            return await DeliverAsync(query, report, rows.ToArray());
        }
        catch (KeyFaultException)
        {
            return (null, Refusal.Invalid("body", "has rows that their key does not tell apart."));
        }
        finally
        {
            _places.Release();
        }
    }

    public void Dispose() => _places.Dispose();

    /// <summary>Keeps a result that was checked, and what changed with it.</summary>
    async Task<(RegisteredAck? Ack, Refusal? Refusal)> DeliverAsync(RegisteredRecord query, RegisteredReport report, byte[] compressed)
    {
        using var opened = RegisteredResults.Decompress(compressed);
        var json = await ReadAsync(opened, report.Size);
        var rows = query.Key is { } key ? KeyedRows.Read(json, key) : null;
        if ((rows?.Hash() ?? Convert.ToHexStringLower(SHA256.HashData(json))) != report.Hash)
            return (null, Refusal.Invalid("body", "does not have the hash that the report says."));
        if (await results.DeliverAsync(query, report, compressed, rows is null ? null : await ChangesAsync(query, rows)))
        {
            signals.Raise(query.IntegratorId);
            return (new(report.Hash), null);
        }
        return await store.FindAsync(query.Id) is { } now && now.IsRunning(time.GetUtcNow()) ? (new(now.LastHash), null) : (null, null);
    }

    /// <returns>Null: this is where changes begin.</returns>
    async Task<byte[]?> ChangesAsync(RegisteredRecord query, KeyedRows now)
    {
        if (query.Delivered == 0)
            return query.DeliverFirst ? RegisteredChanges.Compare(null, now, query.Key!, isReset: false) : null;
        var before = await BeforeAsync(query);
        return RegisteredChanges.Compare(before, now, query.Key!, isReset: before is null);
    }

    /// <returns>Null: it is lost.</returns>
    async Task<KeyedRows?> BeforeAsync(RegisteredRecord query)
    {
        try
        {
            if (await results.NewestAsync(query) is not { } newest || newest.Number != query.Delivered)
                return null;
            await using var opened = newest.OpenRead();
            return KeyedRows.Read(await ReadAsync(opened, newest.Size), query.Key!);
        }
        catch (SealBrokenException)
        {
            return null;
        }
    }

    static async Task<byte[]> ReadAsync(Stream json, long size)
    {
        var bytes = new byte[size];
        await json.ReadExactlyAsync(bytes);
        return bytes;
    }

    /// <summary>Its command or key cannot be read any more, and never will: its integrator sees it cancelled, and no other suffers for it.</summary>
    async Task GiveUpAsync(RegisteredRecord query)
    {
        await store.CancelAsync(query.Id);
        LogUnreadable(query.Id);
    }

    async Task<RegisteredRecord?> RunningAsync(Guid linkId, Guid id) =>
        await store.FindAsync(id) is { } query && query.IsRunning(time.GetUtcNow()) && sites.Find(query.SiteId)?.LinkId == linkId ? query : null;

    static long Remaining(DateTimeOffset expiresAt, DateTimeOffset now) => Math.Max(0, (long)(expiresAt - now).TotalMilliseconds);

    [LoggerMessage(1230, LogLevel.Error, "Registered query {Id} cannot be read any more, and was cancelled: it was changed in the store, or its master key is not configured.")]
    partial void LogUnreadable(Guid id);
}

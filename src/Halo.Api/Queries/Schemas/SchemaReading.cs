using System.Text.Json;
using Halo.Api.Basics;
using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Ledger.Registered;
using Halo.Api.Links.Sessions;
using Halo.Api.Queries.Admission;
using Halo.Api.Queries.Immediate;
using Halo.Api.Queries.Requests;
using Halo.Api.Settings;
using Halo.Api.Sites;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;

namespace Halo.Api.Queries.Schemas;

/// <summary>Has a site's Link read the catalogue of its database, by an immediate query of the integrator's, and keeps what it says.</summary>
sealed class SchemaReading(ImmediateQueries immediate, QueryAdmission admission, SchemaStore store, SchemaMarks marks, ILinkGateway gateway, TimeProvider time)
{
    /// <summary>One at a time of each: the practice reads its whole catalogue for it, and the service holds all of that.</summary>
    readonly KeyedLock _reading = new();

    /// <summary>One at a time of all: the rows of one take many times the memory of their JSON.</summary>
    readonly KeyedLock _assembling = new();

    /// <summary>As long as one who reads may wait in the lane, and as long again for the reading.</summary>
    static readonly TimeSpan LongestWait = TimeSpan.FromMilliseconds(2 * QueryLimits.ImmediateQueueDefaultMs);

    static readonly Refusal Busy = new(503, ErrorCodes.QueueFull, "This schema is being read for others, who take long. Nothing ran; try again shortly.") { RetryAfter = TimeSpan.FromSeconds(2) };

    static readonly Refusal TooOld = new(409, ErrorCodes.Conflict, "The site's Halo Link is too old to read the schema of its database. Ask the practice to update Halo Link.");

    static readonly Refusal Unreadable = new(500, ErrorCodes.InternalError, "The site's Halo Link told a schema that cannot be read. Tell the operator of this service.");

    /// <summary>The name under which a site has a database.</summary>
    /// <param name="asked">As it was asked for; null: the default.</param>
    public static (string? Name, Refusal? Refusal) CatalogueOf(SiteRecord site, string? asked) =>
        (asked is null ? site.Catalogues.FirstOrDefault(c => c.IsDefault) : site.Catalogues.FirstOrDefault(c => c.Name.Equals(asked, StringComparison.OrdinalIgnoreCase))) is { } found ? (found.Name, null)
        : (null, Refusal.Invalid("catalogue", $"is not one of this site's: {string.Join(", ", site.Catalogues.Select(c => c.Name))}."));

    /// <summary>Reads it now. Those who ask at once are answered with what one of them read.</summary>
    /// <returns>What was read; or how the query ended, to be disposed; or why there was none.</returns>
    public async Task<SchemaAnswer> ReadAsync(IntegratorCaller caller, SiteRecord site, string catalogue, CancellationToken callerGone)
    {
        var asked = time.GetUtcNow();
        var place = new SchemaPlace(caller.Integrator.Id, site.Id, catalogue);
        using var patience = new CancellationTokenSource(LongestWait, time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(callerGone, patience.Token);
        var waits = _reading.LockAsync(place.Key, stop.Token);
        var hasWaited = !waits.IsCompleted;
        await ((Task)waits).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (waits.IsCanceled)
            return new(null, null, Busy);
        using var held = await waits;
        return hasWaited && await store.FindAsync(place).OrRefuseAsync() is { } read && read.ReadAt > asked
            ? new(read, null, null)
            : await AdmitAsync(caller, site) is { } refusal ? new(null, null, refusal)
            : await ReadNowAsync(caller, site, catalogue, callerGone);
    }

    /// <summary>Reads it again for an integrator that has read it before, of whose day it is no query.</summary>
    /// <returns>Whether it was read, or another try would end as this one; false: there was no room, or no session.</returns>
    public async Task<bool> ReadAgainAsync(IntegratorCaller caller, SiteRecord site, string catalogue)
    {
        using var held = await _reading.LockAsync(new SchemaPlace(caller.Integrator.Id, site.Id, catalogue).Key);
        if (admission.Backlog is not null || gateway.Find(site.LinkId) is not { ReadsSchemas: true })
            return false;
        using var failed = (await ReadNowAsync(caller, site, catalogue, CancellationToken.None)).Failed;
        return failed?.Status != 503;
    }

    async ValueTask<Refusal?> AdmitAsync(IntegratorCaller caller, SiteRecord site)
    {
        // What may be connected by then instead refuses what it does not know.
        var isTooOld = gateway.Find(site.LinkId) is { ReadsSchemas: false };
        return await admission.TakeAsync(caller, site.Id, isTooOld ? TooOld : admission.Backlog);
    }

    async Task<SchemaAnswer> ReadNowAsync(IntegratorCaller caller, SiteRecord site, string catalogue, CancellationToken callerGone)
    {
        // Before it is read: what changes meanwhile has another mark then.
        var mark = marks.Of(site.Id);
        var integratorId = caller.Integrator.Id;
        var submission = new QuerySubmission(new QueryCommand(""), QueryMode.Immediate, catalogue, QueryLimits.ImmediateQueueDefaultMs) { Kind = SubmissionKind.Schema };
        // Before the practice is asked: whoever asks meanwhile is not answered with what was read before.
        var readAt = time.GetUtcNow();
        var answer = (await immediate.RunAsync(caller, site, submission, null, callerGone, default))!;
        if (answer.Status != 200)
            return await FailedAsync(new(integratorId, site.Id, catalogue), answer);
        using (answer)
        {
            DatabaseSchema schema;
            try
            {
                using var alone = await _assembling.LockAsync(Guid.Empty, callerGone);
                schema = SchemaAssembler.Assemble(catalogue, readAt, PartsOf(answer));
            }
            catch (JsonException)
            {
                return new(null, null, Unreadable);
            }
            var json = JsonSerializer.SerializeToUtf8Bytes(schema, HaloJson.Default.DatabaseSchema);
            await store.PutAsync(new(integratorId, site.Id, catalogue), schema, mark, json).OrRefuseAsync();
            return new(new(schema.ReadAt, schema.Hash, RegisteredResults.Compress(json)), null, null);
        }
    }

    async Task<SchemaAnswer> FailedAsync(SchemaPlace place, ImmediateAnswer answer)
    {
        try
        {
            // What its integrator may not read any more is not told from what is kept either.
            if (answer.Query.ErrorDetails?.Code == FailureCodes.PolicyRefused)
                await store.ForgetAsync(place).OrRefuseAsync();
            return new(null, answer, null);
        }
        catch
        {
            answer.Dispose();
            throw;
        }
    }

    /// <summary>The rows of each result, which follow one another. That their sizes add up was looked at.</summary>
    static List<ReadOnlyMemory<byte>> PartsOf(ImmediateAnswer answer)
    {
        var rows = answer.Rows ?? [];
        var all = new byte[rows.Sum(r => r.Count)];
        var end = 0;
        foreach (var piece in rows)
        {
            piece.CopyTo(all, end);
            end += piece.Count;
        }
        answer.Copied(all.Length);
        var parts = new List<ReadOnlyMemory<byte>>();
        var from = 0;
        foreach (var result in answer.Query.Results ?? [])
        {
            if (result.Size > all.Length - from)
                throw new JsonException("The results are larger than their rows.");
            parts.Add(all.AsMemory(from, (int)result.Size));
            from += (int)result.Size;
        }
        return parts;
    }
}

/// <summary>One of three: a schema, a query that did not bring one, or why there was no query.</summary>
sealed record SchemaAnswer(StoredSchema? Schema, ImmediateAnswer? Failed, Refusal? Refused);

using System.Data.Common;
using System.Text.Json.Nodes;
using Halo.Api.Integrators;
using Halo.Api.Ledger.Events;
using Halo.Api.Storage;
using Halo.Contracts.Events;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Sites.Pairings;

/// <summary>Pairs integrators with practices, by a code that the practice made or where an operator lets them do without.</summary>
sealed class Pairing(Database database, IntegratorDirectory integrators, PairingKey key, AuditLog audit, EventSignals signals, TimeProvider time)
{
    static readonly TimeSpan Window = TimeSpan.FromHours(1);
    const int WrongCodes = 5;

    /// <summary>Tries to pair with one of a practice's sites; most practices have one.</summary>
    /// <param name="code">As the caller gave it; null or empty: none.</param>
    public async Task<PairingResult> PairAsync(Integrator integrator, IReadOnlyList<SiteRecord> candidates, string? code)
    {
        if (candidates.FirstOrDefault(s => integrator.Sites.Contains(s.Id)) is { } known && (candidates.Count == 1 || string.IsNullOrEmpty(code)))
            return new(known, PairingFault.None);
        if (candidates.FirstOrDefault(s => integrator.Rules.PairsWithoutCode(s.PmsName)) is { } open && string.IsNullOrEmpty(code))
        {
            await database.WriteAsync(t => PutAsync(t, integrator.Id, open.Id, "without a code"));
            signals.Raise(integrator.Id);
            await integrators.RefreshAsync(integrator.Id);
            return new(open, PairingFault.None);
        }
        if (string.IsNullOrEmpty(code))
            return new(null, PairingFault.CodeMissing);
        var result = await database.WriteAsync(t => TryAsync(t, integrator, candidates, PairingCode.Normalize(code)));
        if (result.Site is not null)
        {
            signals.Raise(integrator.Id);
            await integrators.RefreshAsync(integrator.Id);
        }
        return result;
    }

    async Task<PairingResult> TryAsync(DbTransaction t, Integrator integrator, IReadOnlyList<SiteRecord> candidates, string code)
    {
        var now = time.GetUtcNow();
        // One try of an integrator at a time, or many at once would all be counted too late.
        await t.RunAsync("UPDATE integrators SET updated_at = updated_at WHERE id = @id", ("id", integrator.Id));
        var wrong = await t.ReadAsync(r => r.Time(0),
            "SELECT at FROM pairing_failures WHERE integrator_id = @id AND at > @since ORDER BY at DESC LIMIT @most",
            ("id", integrator.Id), ("since", (now - Window).Ms()), ("most", WrongCodes));
        if (wrong.Count == WrongCodes)
            return new(null, PairingFault.TooMany) { RetryAfter = wrong[^1] + Window - now };
        foreach (var site in PairingCode.IsCode(code) ? candidates : [])
        {
            if (await t.RunAsync("DELETE FROM pairing_codes WHERE site_id = @site AND code_hmac = @hmac AND expires_at > @now",
                ("site", site.Id), ("hmac", key.Hash(site.Id, code)), ("now", now.Ms())) > 0)
            {
                await PutAsync(t, integrator.Id, site.Id, "code");
                return new(site, PairingFault.None);
            }
        }
        await t.RunAsync("DELETE FROM pairing_failures WHERE integrator_id = @id AND at <= @since", ("id", integrator.Id), ("since", (now - Window).Ms()));
        await t.RunAsync("INSERT INTO pairing_failures (id, integrator_id, at) VALUES (@id, @integrator, @now)",
            ("id", Guid.CreateVersion7(now)), ("integrator", integrator.Id), ("now", now.Ms()));
        return new(null, PairingFault.CodeWrong);
    }

    async Task<int> PutAsync(DbTransaction t, Guid integratorId, Guid siteId, string by)
    {
        var added = await t.RunAsync(
            """
            INSERT INTO pairings (integrator_id, site_id, paired_by, created_at) VALUES (@integrator, @site, @by, @now)
            ON CONFLICT (integrator_id, site_id) DO NOTHING
            """, ("integrator", integratorId), ("site", siteId), ("by", by), ("now", time.GetUtcNow().Ms()));
        if (added == 1)
        {
            await audit.WriteAsync(t, "integrator.paired", $"{integratorId} {siteId}", "integrator", new JsonObject { ["by"] = by });
            await EventLog.AppendAsync(t, [new(integratorId, EventTypes.PairingCreated, siteId, new())], time.GetUtcNow().Ms());
        }
        return added;
    }
}

/// <summary>What became of a wish to pair.</summary>
/// <param name="Site">The site that the integrator is paired with; null where it is not.</param>
/// <param name="Fault">Why not.</param>
sealed record PairingResult(SiteRecord? Site, PairingFault Fault)
{
    /// <summary>With <see cref="PairingFault.TooMany"/>.</summary>
    public TimeSpan? RetryAfter { get; init; }
}

/// <summary>Why a pairing was refused.</summary>
enum PairingFault
{
    /// <summary>It was not.</summary>
    None,

    /// <summary>The practice's system asks for a code.</summary>
    CodeMissing,

    /// <summary>Wrong, spent, expired, or of another practice.</summary>
    CodeWrong,

    /// <summary>Five wrong ones within an hour.</summary>
    TooMany,
}

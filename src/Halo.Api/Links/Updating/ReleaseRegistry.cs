using System.Data.Common;
using System.Text.Json.Nodes;
using Halo.Api.Basics;
using Halo.Api.Sites.State;
using Halo.Api.Storage;
using Halo.Releases;

namespace Halo.Api.Links.Updating;

/// <summary>Every release that was uploaded, in memory; a change is in force when its call returns.</summary>
sealed class ReleaseRegistry(Database database, BundleFiles files, AuditLog audit, TimeProvider time)
{
    /// <summary>Beyond this the operator removes one first: each has files of some hundred megabytes.</summary>
    public const int Most = 50;

    /// <summary>One change at a time, whichever release it is of.</summary>
    readonly KeyedLock _changing = new();
    IReadOnlyDictionary<string, Release> _all = new Dictionary<string, Release>();

    /// <summary>All, newest first.</summary>
    public IReadOnlyList<Release> All => [.. Volatile.Read(ref _all).Values.OrderByDescending(r => r.Number)];

    /// <summary>In no order.</summary>
    public IReadOnlyCollection<Release> Unordered => (IReadOnlyCollection<Release>)Volatile.Read(ref _all).Values;

    public Release? Find(string version) => Volatile.Read(ref _all).GetValueOrDefault(version);

    /// <summary>Reads all, at start.</summary>
    public async Task LoadAsync()
    {
        var bundles = (await database.ReadAsync(ReadBundle, "SELECT version, system, architecture, digest, length, minimum_from, created_at, expires_at FROM release_bundles"))
            .ToLookup(b => b.Version, b => b.Bundle);
        var releases = await database.ReadAsync(
            r => new Release(r.GetString(0), Enum.Parse<ReleaseStatus>(r.GetString(1), ignoreCase: true), new(r.GetInt32(3), r.GetInt32(4), r.GetInt32(5)), [.. bundles[r.GetString(0)]],
                r.Time(6), r.Time(7), r.Time(8))
            {
                Reason = r.StringOrNull(2),
            },
            "SELECT version, status, reason, ring_canary, ring_early, ring_all, counted_from, uploaded_at, changed_at FROM releases");
        Volatile.Write(ref _all, releases.ToDictionary(r => r.Version));
    }

    /// <summary>Adds a bundle whose file is there. A new release is offered to nobody before a ring is given to it.</summary>
    public async Task<(AddBundleResult Result, Release? Release)> AddAsync(ReleaseManifest manifest, string digest, long length, OperatorDeed deed)
    {
        using var alone = await _changing.LockAsync(Guid.Empty);
        var (now, known) = (time.GetUtcNow(), Find(manifest.Version));
        if (known?.BundleFor(manifest.System, manifest.Architecture) is { } there)
            return (there.Digest == digest ? AddBundleResult.AlreadyThere : AddBundleResult.Different, known);
        if (known is null && Unordered.Count >= Most)
            return (AddBundleResult.TooMany, null);
        var bundle = new ReleaseBundle(manifest.System, manifest.Architecture, digest, length, manifest.MinimumFrom, manifest.Created, manifest.Expires);
        await database.WriteAsync(async t =>
        {
            await t.RunAsync(
                """
                INSERT INTO releases (version, status, ring_canary, ring_early, ring_all, counted_from, uploaded_at, changed_at) VALUES (@version, 'active', 0, 0, 0, @now, @now, @now)
                ON CONFLICT (version) DO NOTHING
                """, ("version", manifest.Version), ("now", now.Ms()));
            await t.RunAsync(
                """
                INSERT INTO release_bundles (version, system, architecture, digest, length, minimum_from, created_at, expires_at)
                VALUES (@version, @system, @architecture, @digest, @length, @from, @created, @expires)
                """,
                ("version", manifest.Version), ("system", bundle.System), ("architecture", bundle.Architecture), ("digest", digest), ("length", length),
                ("from", bundle.MinimumFrom), ("created", bundle.CreatedAt.Ms()), ("expires", bundle.ExpiresAt.Ms()));
            await audit.WriteAsync(t, "release.uploaded", manifest.Version, deed, new JsonObject
            {
                ["system"] = bundle.System,
                ["architecture"] = bundle.Architecture,
                ["sha256"] = digest,
            });
            return true;
        });
        known = (known ?? new(manifest.Version, ReleaseStatus.Active, default, [], now, now, now)) with { ChangedAt = now };
        known = known with { Bundles = [.. known.Bundles, bundle] };
        Publish(known);
        return (AddBundleResult.Added, known);
    }

    /// <summary>Offers a release to so many percent of a ring.</summary>
    /// <returns>Null: there is none.</returns>
    public Task<Release?> SetRingAsync(string version, Ring ring, int percent, OperatorDeed deed) => ChangeAsync(version, _ => true,
        r => r with { Shares = r.Shares.With(ring, percent) }, "release.ring-set", deed.Actor, deed.ToDetail(new JsonObject { ["ring"] = ring.Word(), ["percentage"] = percent }));

    /// <summary>An operator decides whether it is offered. Resumed, its failures so far do not count any more.</summary>
    /// <returns>Null: there is none.</returns>
    public Task<Release?> SetStatusAsync(string version, ReleaseStatus status, OperatorDeed deed) => ChangeAsync(version, r => r.Status != ReleaseStatus.Withdrawn, r => r with
    {
        Status = status,
        Reason = deed.Reason,
        CountedFrom = status == ReleaseStatus.Active ? time.GetUtcNow() : r.CountedFrom,
    }, status switch { ReleaseStatus.Active => "release.resumed", ReleaseStatus.Paused => "release.paused", _ => "release.withdrawn" }, deed.Actor, deed.ToDetail([]));

    /// <summary>It stops by itself, where it is still offered.</summary>
    public Task<Release?> StopAsync(string version, string reason) => ChangeAsync(version, r => r.Status == ReleaseStatus.Active,
        r => r with { Status = ReleaseStatus.Stopped, Reason = reason }, "release.stopped", "service", new JsonObject { ["reason"] = reason });

    /// <summary>Removes one that was withdrawn, with its files and with what became of it.</summary>
    /// <returns>False: it is not there, or not withdrawn.</returns>
    public async Task<bool> RemoveAsync(string version, OperatorDeed deed)
    {
        using var alone = await _changing.LockAsync(Guid.Empty);
        if (Find(version) is not { Status: ReleaseStatus.Withdrawn } release)
            return false;
        await database.WriteAsync(async t =>
        {
            await t.RunAsync("DELETE FROM update_attempts WHERE version = @version", ("version", version));
            await t.RunAsync("DELETE FROM release_bundles WHERE version = @version", ("version", version));
            await t.RunAsync("DELETE FROM releases WHERE version = @version", ("version", version));
            await audit.WriteAsync(t, "release.removed", version, deed, new JsonObject { ["before"] = ToDetail(release) });
            return true;
        });
        Volatile.Write(ref _all, Volatile.Read(ref _all).Where(r => r.Key != version).ToDictionary());
        foreach (var bundle in release.Bundles)
            files.Remove(bundle.Digest);
        return true;
    }

    async Task<Release?> ChangeAsync(string version, Func<Release, bool> may, Func<Release, Release> change, string action, string actor, JsonObject detail)
    {
        using var alone = await _changing.LockAsync(Guid.Empty);
        if (Find(version) is not { } before || !may(before))
            return Find(version);
        var after = change(before) with { ChangedAt = time.GetUtcNow() };
        await database.WriteAsync(async t =>
        {
            await t.RunAsync(
                """
                UPDATE releases SET status = @status, reason = @reason, ring_canary = @canary, ring_early = @early, ring_all = @all, counted_from = @counted, changed_at = @now
                WHERE version = @version
                """,
                ("status", after.Status.Word()), ("reason", after.Reason), ("canary", after.Shares.Canary), ("early", after.Shares.Early), ("all", after.Shares.All),
                ("counted", after.CountedFrom.Ms()), ("now", after.ChangedAt.Ms()), ("version", version));
            // A transaction that is tried again writes it again.
            var line = (JsonObject)detail.DeepClone();
            line["before"] = ToDetail(before);
            await audit.WriteAsync(t, action, version, actor, line);
            return true;
        });
        Publish(after);
        return after;
    }

    static JsonObject ToDetail(Release release) => new()
    {
        ["status"] = release.Status.Word(),
        ["canary"] = release.Shares.Canary,
        ["early"] = release.Shares.Early,
        ["all"] = release.Shares.All,
    };

    void Publish(Release release) => Volatile.Write(ref _all, new Dictionary<string, Release>(Volatile.Read(ref _all)) { [release.Version] = release });

    static (string Version, ReleaseBundle Bundle) ReadBundle(DbDataReader r) =>
        (r.GetString(0), new(r.GetString(1), r.GetString(2), r.GetString(3), r.GetInt64(4), r.StringOrNull(5), r.Time(6), r.Time(7)));
}

/// <summary>What became of an uploaded bundle.</summary>
enum AddBundleResult
{
    Added,

    /// <summary>The very same was uploaded before.</summary>
    AlreadyThere,

    /// <summary>Another one has this version and platform.</summary>
    Different,

    /// <summary>As many releases are kept as may be.</summary>
    TooMany,
}

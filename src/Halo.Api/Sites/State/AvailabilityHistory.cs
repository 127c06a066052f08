using Halo.Api.Settings;
using Halo.Api.Storage;

namespace Halo.Api.Sites.State;

/// <summary>Writes down when sites were there and when this service was, so that its own downtime is not held against them.</summary>
/// <remarks>
/// A session's opening and its end are a row each, with the next group commit. That the service is up is marked once a minute and
/// when it stops; after a kill, what was written last says when it ended.
/// </remarks>
sealed class AvailabilityHistory(Database database, SiteStateWatch states, ApiOptions options, TimeProvider time) : IAsyncDisposable
{
    /// <summary>How often the service marks that it is up.</summary>
    public static readonly TimeSpan MarkEvery = TimeSpan.FromMinutes(1);

    static readonly TimeSpan PruneEvery = TimeSpan.FromDays(1);
    readonly Guid _id = Guid.CreateVersion7(time.GetUtcNow());
    readonly DateTimeOffset _upSince = time.GetUtcNow();
    ITimer? _timer;
    long _pruned = time.GetTimestamp();

    /// <summary>When the service was last up before this start; null: never.</summary>
    public DateTimeOffset? DownSince { get; private set; }

    /// <summary>Writes that the service is up from now on, and when it was before.</summary>
    public async Task StartAsync()
    {
        DownSince = await database.WriteAsync(async t =>
        {
            // The process before may have written something after its last mark.
            var heard = (await t.ReadAsync(r => r.LongOrNull(0), "SELECT MAX(last_heard_at) FROM links WHERE last_heard_at <= @now", ("now", _upSince.Ms())))[0];
            var before = await t.ReadAsync(r => (Id: r.GetGuid(0), Until: r.GetInt64(1)), "SELECT id, until_at FROM api_uptimes ORDER BY until_at DESC LIMIT 1");
            if (before is [var last] && heard > last.Until)
                await t.RunAsync("UPDATE api_uptimes SET until_at = @heard WHERE id = @id", ("heard", heard), ("id", last.Id));
            await t.RunAsync("INSERT INTO api_uptimes (id, node_address, from_at, until_at) VALUES (@id, @node, @now, @now)",
                ("id", _id), ("node", options.NodeAddress), ("now", _upSince.Ms()));
            return before is [var up] ? DateTimeOffset.FromUnixTimeMilliseconds(Math.Max(up.Until, heard ?? 0)) : (DateTimeOffset?)null;
        });
        await PruneAsync();
        _timer = time.CreateTimer(_ => OnTimer(), null, MarkEvery, MarkEvery);
    }

    /// <summary>These sites were reached, said farewell, or were lost.</summary>
    public void Note(IReadOnlyCollection<Guid> siteIds, SiteContact contact)
    {
        var now = time.GetUtcNow().Ms();
        states.Note(siteIds, contact);
        foreach (var id in siteIds)
        {
            database.CommitLater(("site_contacts", id, now), new(
                """
                INSERT INTO site_contacts (site_id, at, contact) VALUES (@site, @now, @contact)
                ON CONFLICT (site_id, at) DO UPDATE SET contact = excluded.contact
                """, ("site", id), ("now", now), ("contact", contact.ToString().ToLowerInvariant())));
        }
    }

    /// <summary>How it was with a site between two moments, none in the future.</summary>
    public async Task<AvailabilityReport> ReadAsync(Guid siteId, DateTimeOffset from, DateTimeOffset to)
    {
        var rows = await database.ReadAsync(r => new Contact(r.Time(0), Enum.Parse<SiteContact>(r.GetString(1), ignoreCase: true)),
            """
            SELECT at, contact FROM site_contacts WHERE site_id = @site AND at <= @to
              AND at >= COALESCE((SELECT MAX(b.at) FROM site_contacts b WHERE b.site_id = @site AND b.at <= @from), 0)
            ORDER BY at
            """, ("site", siteId), ("from", from.Ms()), ("to", to.Ms()));
        var ups = await database.ReadAsync(r => (From: r.Time(0), Until: r.Time(1)), "SELECT from_at, until_at FROM api_uptimes WHERE id <> @own ORDER BY from_at", ("own", _id));
        return AvailabilityReport.Of(rows, [.. ups, (_upSince, time.GetUtcNow())], from, to, options.Links.UnreachableAfter);
    }

    /// <summary>Marks the end of an orderly stop.</summary>
    public async Task StopAsync()
    {
        if (_timer is { } timer)
            await timer.DisposeAsync();
        await MarkAsync();
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _timer?.DisposeAsync() ?? ValueTask.CompletedTask;

    void OnTimer()
    {
        _ = MarkAsync();
        if (time.GetElapsedTime(_pruned) < PruneEvery)
            return;
        _pruned = time.GetTimestamp();
        _ = PruneAsync();
    }

    Task<int> MarkAsync() => database.CommitAsync(new Statement(
        "UPDATE api_uptimes SET until_at = @now WHERE id = @id AND until_at < @now", ("now", time.GetUtcNow().Ms()), ("id", _id)));

    async Task PruneAsync()
    {
        var oldest = (time.GetUtcNow() - TimeSpan.FromDays(options.AvailabilityDays)).Ms();
        // The last one before stays: it says how it was at the beginning of what is kept.
        await database.CommitAsync(new Statement(
            """
            DELETE FROM site_contacts WHERE at < @oldest AND EXISTS (
              SELECT 1 FROM site_contacts n WHERE n.site_id = site_contacts.site_id AND n.at > site_contacts.at AND n.at <= @oldest)
            """, ("oldest", oldest)));
        await database.CommitAsync(new Statement("DELETE FROM api_uptimes WHERE until_at < @oldest AND id <> @own", ("oldest", oldest), ("own", _id)));
    }
}

/// <summary>What happened to the contact with a site.</summary>
enum SiteContact
{
    /// <summary>A session opened.</summary>
    Online,

    /// <summary>Its session was closed in order.</summary>
    Offline,

    /// <summary>Its session broke, or this service ended it.</summary>
    Lost,
}

/// <summary>One line of the history.</summary>
sealed record Contact(DateTimeOffset At, SiteContact What);

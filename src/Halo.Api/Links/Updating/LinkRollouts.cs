using System.Collections.Concurrent;
using System.Data.Common;
using System.Text.Json.Nodes;
using Halo.Api.Sites.State;
using Halo.Api.Storage;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Links.Updating;

/// <summary>How each Link gets its releases: its ring, a version of its own, and what it was built for.</summary>
sealed class LinkRollouts(Database database, LinkDirectory links, AuditLog audit)
{
    readonly ConcurrentDictionary<Guid, LinkRollout> _all = new();

    /// <summary>Reads all, at start.</summary>
    public async Task LoadAsync()
    {
        foreach (var link in await database.ReadAsync(Read, "SELECT link_id, ring, pinned, system, architecture FROM link_updates"))
            _all[link.LinkId] = link;
    }

    public LinkRollout Of(Guid linkId) => _all.GetValueOrDefault(linkId) ?? new(linkId, Ring.All, null, null, null);

    /// <summary>Trusted Links of a ring that can be updated.</summary>
    public int CountIn(Ring ring) => _all.Values.Count(l => l.Ring == ring && l.System is not null && links.Find(l.LinkId) is { Status: LinkStatus.Enrolled });

    /// <summary>A session begins: what the Link was built for; null: it has no updater.</summary>
    public void Heard(Guid linkId, LinkPlatform? platform)
    {
        var before = Of(linkId);
        if ((before.System, before.Architecture) == (platform?.System, platform?.Architecture))
            return;
        _all.AddOrUpdate(linkId, _ => before with { System = platform?.System, Architecture = platform?.Architecture },
            (_, there) => there with { System = platform?.System, Architecture = platform?.Architecture });
        database.CommitLater(("link_updates", linkId), new(
            """
            INSERT INTO link_updates (link_id, ring, system, architecture) VALUES (@link, 'all', @system, @architecture)
            ON CONFLICT (link_id) DO UPDATE SET system = excluded.system, architecture = excluded.architecture
            """, ("link", linkId), ("system", platform?.System), ("architecture", platform?.Architecture)));
    }

    /// <summary>An operator sets the ring of a Link, and the version that it alone should run.</summary>
    public async Task SetAsync(Guid linkId, Ring ring, string? pinned, OperatorDeed deed)
    {
        await database.WriteAsync(async t =>
        {
            var before = (await t.ReadAsync(r => new JsonObject { ["ring"] = r.GetString(0), ["version"] = r.StringOrNull(1) },
                $"SELECT ring, pinned FROM link_updates WHERE link_id = @link{database.ForUpdate}", ("link", linkId))).SingleOrDefault();
            await t.RunAsync(
                """
                INSERT INTO link_updates (link_id, ring, pinned) VALUES (@link, @ring, @pinned)
                ON CONFLICT (link_id) DO UPDATE SET ring = excluded.ring, pinned = excluded.pinned
                """, ("link", linkId), ("ring", ring.Word()), ("pinned", pinned));
            await audit.WriteAsync(t, "link.update-set", linkId.ToString(), deed, new JsonObject { ["before"] = before, ["ring"] = ring.Word(), ["version"] = pinned });
            return true;
        });
        _all.AddOrUpdate(linkId, _ => new(linkId, ring, pinned, null, null), (_, there) => there with { Ring = ring, Pinned = pinned });
    }

    static LinkRollout Read(DbDataReader r) => new(r.GetGuid(0), ReleaseWords.ReadRing(r.GetString(1)) ?? Ring.All, r.StringOrNull(2), r.StringOrNull(3), r.StringOrNull(4));
}

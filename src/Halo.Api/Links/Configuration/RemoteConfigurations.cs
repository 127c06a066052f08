using System.Collections.Concurrent;
using System.Data.Common;
using System.Text.Json;
using System.Text.Json.Nodes;
using Halo.Api.Links.Sessions;
using Halo.Api.Sites;
using Halo.Api.Sites.State;
using Halo.Api.Storage;
using Halo.Contracts.Admin;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Links.Configuration;

/// <summary>What operators want Links to run with: kept, told, and what each Link made of it.</summary>
sealed partial class RemoteConfigurations(
    Database database, SiteDirectory sites, ILinkGateway gateway, AuditLog audit, TimeProvider time, ILogger<RemoteConfigurations> log)
{
    /// <summary>The row of the default for all: no site has this id.</summary>
    static readonly Guid All = Guid.Empty;

    const int MostRefusals = 200;
    const int LongestReason = 500;

    readonly ConcurrentDictionary<Guid, StoredConfiguration> _stored = new();
    readonly ConcurrentDictionary<Guid, AppliedConfiguration> _applied = new();

    /// <summary>The default for all Links.</summary>
    public StoredConfiguration Default => _stored.GetValueOrDefault(All, StoredConfiguration.None);

    /// <summary>What a site has of its own; null: nothing.</summary>
    public StoredConfiguration? Of(Guid siteId) => _stored.GetValueOrDefault(siteId);

    /// <summary>What a Link is to run with.</summary>
    public RemoteConfiguration For(Guid linkId) => ConfigurationMerge.For(Default,
        [.. sites.OfLink(linkId).Select(s => (s.Id, Of(s.Id)))]);

    /// <summary>What Links said that they run, by Link GUID.</summary>
    public IReadOnlyList<AppliedConfiguration> Applied => [.. _applied.Values.OrderBy(a => a.LinkId)];

    /// <summary>What one Link said that it runs; null: nothing yet.</summary>
    public AppliedConfiguration? AppliedBy(Guid linkId) => _applied.GetValueOrDefault(linkId);

    /// <summary>Reads all, at start.</summary>
    public async Task LoadAsync()
    {
        foreach (var (id, stored) in await database.ReadAsync(ReadRow, "SELECT site_id, version, settings, updated_at FROM remote_configurations"))
            _stored[id] = stored;
        foreach (var applied in await database.ReadAsync(ReadApplied, "SELECT link_id, version, refused, reported_at FROM applied_configurations"))
            _applied[applied.LinkId] = applied;
    }

    /// <summary>Sets the default for all Links, in place of the one before; the Links that are connected are told before this returns.</summary>
    public Task SetDefaultAsync(IReadOnlyDictionary<string, JsonElement> settings, OperatorDeed deed) => SetAsync(All, settings, deed);

    /// <summary>Sets what a site has of its own, in place of what it had; null takes it away.</summary>
    public Task SetAsync(SiteRecord site, IReadOnlyDictionary<string, JsonElement>? settings, OperatorDeed deed) => SetAsync(site.Id, settings, deed);

    /// <summary>A Link says what it runs.</summary>
    public void OnAck(Guid linkId, ConfigurationAck ack)
    {
        var refused = (ack.Refused ?? []).Take(MostRefusals).Select(r => r with { Setting = Cut(r.Setting), Reason = Cut(r.Reason) }).ToList();
        var applied = new AppliedConfiguration(linkId, ack.Version, refused, time.GetUtcNow());
        var before = AppliedBy(linkId);
        _applied[linkId] = applied;
        database.CommitLater(("applied_configurations", linkId), new(
            """
            INSERT INTO applied_configurations (link_id, version, refused, reported_at) VALUES (@link, @version, @refused, @now)
            ON CONFLICT (link_id) DO UPDATE SET version = excluded.version, refused = excluded.refused, reported_at = excluded.reported_at
            """,
            ("link", linkId), ("version", ack.Version),
            ("refused", JsonSerializer.Serialize(refused, ConfigurationJson.Default.IReadOnlyListRefusedSetting)), ("now", applied.At.Ms())));
        // It says so in each session: told here where it is news.
        if ((before?.Version ?? 0) != ack.Version || !(before?.Refused ?? []).SequenceEqual(refused))
            LogApplied(linkId, ack.Version, refused.Count == 0 ? "it follows all of it"
                : "it does not follow " + string.Join("; ", refused.Select(r => $"{r.Setting}: {r.Reason}")));
    }

    async Task SetAsync(Guid id, IReadOnlyDictionary<string, JsonElement>? settings, OperatorDeed deed)
    {
        var now = time.GetUtcNow();
        var text = settings is null ? null : JsonSerializer.Serialize(settings, ConfigurationJson.Default.IReadOnlyDictionaryStringJsonElement);
        var version = await database.WriteAsync(t => WriteAsync(t, id, text, now, deed));
        var stored = new StoredConfiguration(version, settings, now);
        _stored.AddOrUpdate(id, stored, (_, there) => there.Version > version ? there : stored);
        foreach (var session in gateway.All.Where(s => id == All || sites.Find(id)?.LinkId == s.LinkId))
            session.Tell(For(session.LinkId));
    }

    /// <remarks>Holds the default's row, so that versions are given out one after another.</remarks>
    async Task<long> WriteAsync(DbTransaction t, Guid id, string? settings, DateTimeOffset now, OperatorDeed deed)
    {
        await t.RunAsync("INSERT INTO remote_configurations (site_id, version, updated_at) VALUES (@all, 0, @now) ON CONFLICT (site_id) DO NOTHING",
            ("all", All), ("now", now.Ms()));
        await t.ReadAsync(r => r.GetInt64(0), $"SELECT version FROM remote_configurations WHERE site_id = @all{database.ForUpdate}", ("all", All));
        var before = (await t.ReadAsync(r => r.StringOrNull(0), "SELECT settings FROM remote_configurations WHERE site_id = @id", ("id", id))).SingleOrDefault();
        var version = 1 + (await t.ReadAsync(r => r.GetInt64(0), "SELECT MAX(version) FROM remote_configurations")).Single();
        await t.RunAsync(
            """
            INSERT INTO remote_configurations (site_id, version, settings, updated_at) VALUES (@id, @version, @settings, @now)
            ON CONFLICT (site_id) DO UPDATE SET version = excluded.version, settings = excluded.settings, updated_at = excluded.updated_at
            """, ("id", id), ("version", version), ("settings", settings), ("now", now.Ms()));
        await audit.WriteAsync(t, settings is null ? "configuration.removed" : "configuration.set", id == All ? "all" : id.ToString(),
            deed, new JsonObject { ["version"] = version, ["before"] = before is null ? null : JsonNode.Parse(before), ["settings"] = settings is null ? null : JsonNode.Parse(settings) });
        return version;
    }

    static (Guid, StoredConfiguration) ReadRow(DbDataReader r) => (r.GetGuid(0), new(r.GetInt64(1),
        r.StringOrNull(2) is { } text ? JsonSerializer.Deserialize(text, ConfigurationJson.Default.IReadOnlyDictionaryStringJsonElement) : null,
        r.GetInt64(1) == 0 ? null : r.Time(3)));

    static AppliedConfiguration ReadApplied(DbDataReader r) => new(r.GetGuid(0), r.GetInt64(1),
        JsonSerializer.Deserialize(r.GetString(2), ConfigurationJson.Default.IReadOnlyListRefusedSetting) ?? [], r.Time(3));

    static string Cut(string text) => text.Length <= LongestReason ? text : text[..LongestReason];

    [LoggerMessage(1130, LogLevel.Information, "Link {LinkId} runs remote configuration {Version}; {What}")]
    partial void LogApplied(Guid linkId, long version, string what);
}

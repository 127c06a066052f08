using System.Globalization;
using System.Text.Json;
using Halo.Contracts.Admin;
using Halo.Link.Sites;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Settings.Live;

/// <summary>What of a remote configuration this Link follows: each setting is checked against its range and against what stands in the local file, which wins.</summary>
/// <remarks>Lanes and uploads of the file are the most that can be had from afar; execution limits can only make shorter what the API asks for, and waiting times only what the practice protects itself by.</remarks>
sealed class RemoteSettingsEvaluator
{
    readonly Dictionary<RemoteSetting, int> _whole = [];
    readonly Dictionary<Guid, Dictionary<RemoteSetting, int>> _sites = [];
    readonly List<RefusedSetting> _refused = [];
    readonly LinkSettings _local;
    readonly bool _levelFixed;

    RemoteSettingsEvaluator(LinkSettings local, bool levelFixed) => (_local, _levelFixed) = (local, levelFixed);

    /// <param name="levelFixed">Whether the command line has decided on the log's level.</param>
    public static RemoteSettingsEvaluator Of(RemoteConfiguration? remote, LinkSettings local, bool levelFixed)
    {
        var judgement = new RemoteSettingsEvaluator(local, levelFixed);
        foreach (var (name, value) in remote?.Settings ?? new Dictionary<string, JsonElement>())
            judgement.Judge(name, value, null);
        foreach (var site in remote?.Sites ?? [])
            foreach (var (name, value) in site.Settings ?? new Dictionary<string, JsonElement>())
                judgement.Judge(name, value, site.SiteId);
        return judgement;
    }

    /// <summary>What is not followed, and why.</summary>
    public IReadOnlyList<RefusedSetting> Refused => _refused;

    public int ImmediateLanes(Guid siteId) => OfSite(siteId, RemoteSettings.ImmediateLanes) ?? _local.Lanes.Immediate;

    public int AsyncLanes => OfWhole(RemoteSettings.AsyncLanes) ?? _local.Lanes.Async;

    public int Uploads => OfWhole(RemoteSettings.Uploads) ?? _local.Uploads;

    public TimeSpan? Heartbeat => OfWhole(RemoteSettings.HeartbeatSeconds) is { } seconds ? TimeSpan.FromSeconds(seconds) : null;

    /// <summary>The words of the setting stand in the order of <see cref="Microsoft.Extensions.Logging.LogLevel"/>.</summary>
    public LogLevel? LogLevel => (LogLevel?)OfWhole(RemoteSettings.LogLevel);

    public IReadOnlyDictionary<Guid, SiteLimit> Limits => _sites.Keys.ToDictionary(id => id, id => new SiteLimit(
        OfSite(id, RemoteSettings.ImmediateExecutionMs), OfSite(id, RemoteSettings.AsyncExecutionMs), OfSite(id, RemoteSettings.CommandTimeoutMs))
    {
        LockTimeoutMs = OfSite(id, RemoteSettings.LockTimeoutMs),
        BlockingGuardMs = OfSite(id, RemoteSettings.BlockingGuardMs),
        SlowReaderMs = OfSite(id, RemoteSettings.SlowReaderMs),
    });

    void Judge(string name, JsonElement value, Guid? siteId)
    {
        var setting = RemoteSettings.Find(name);
        if (WhyNot(setting, value, siteId) is { } reason)
            _refused.Add(new(name, reason) { SiteId = siteId });
        else if (siteId is not { } id)
            _whole[setting!] = setting!.Read(value)!.Value;
        else if (_sites.TryGetValue(id, out var site))
            site[setting!] = setting!.Read(value)!.Value;
        else
            _sites[id] = new() { [setting!] = setting!.Read(value)!.Value };
    }

    string? WhyNot(RemoteSetting? setting, JsonElement value, Guid? siteId)
    {
        if (!_local.RemoteConfiguration)
            return "the practice has switched remote configuration off (remoteConfiguration in the Link's file).";
        if (setting is null)
            return "this version of Halo Link does not know it; update Halo Link.";
        if (setting.PerSite != siteId is not null)
            return setting.PerSite ? "it belongs to a site." : "it holds for the Link as a whole.";
        if (setting.Read(value) is not { } number)
            return setting.Range;
        if (setting == RemoteSettings.LogLevel && _levelFixed)
            return "the Link was started with --log-level, which decides.";
        return Most(setting) is { } most && number > most
            ? string.Create(CultureInfo.InvariantCulture, $"the practice allows at most {most}, which holds.")
            : null;
    }

    int? Most(RemoteSetting setting) => setting.Name switch
    {
        _ when setting == RemoteSettings.ImmediateLanes => _local.Lanes.Immediate,
        _ when setting == RemoteSettings.AsyncLanes => _local.Lanes.Async,
        _ when setting == RemoteSettings.Uploads => _local.Uploads,
        _ => null,
    };

    int? OfWhole(RemoteSetting setting) => _whole.TryGetValue(setting, out var value) ? value : null;

    int? OfSite(Guid siteId, RemoteSetting setting) => _sites.TryGetValue(siteId, out var site) && site.TryGetValue(setting, out var value) ? value : null;
}

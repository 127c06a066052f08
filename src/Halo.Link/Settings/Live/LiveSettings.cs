using System.Threading.Channels;
using Halo.Line;
using Halo.Link.Pages;
using Halo.Link.Pages.Upload;
using Halo.Link.Session;
using Halo.Link.Sites;
using Halo.Link.Transport;
using Halo.Link.Work.Async;
using Halo.Link.Work.Immediate;
using Halo.Link.Work.Updating;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Settings.Live;

/// <summary>What the settings work on.</summary>
sealed record LiveParts(
    ImmediateQueries Immediate, AsyncQueries Async, Uploader Uploader, Spool Spool, SiteLimits Limits, HeartbeatPeriod Heartbeat, LogLevelSwitch Level,
    SiteReload Sites, CurrentSession Session, SelfUpdate Update);

/// <summary>Keeps the running Link as its file and the operator of the API want it, one change after another, without a restart.</summary>
sealed partial class LiveSettings(LinkSettings started, LiveParts parts, RemoteFile file, Action tryAgain, TimeProvider time, ILogger<LiveSettings> log)
{
    /// <summary>What the API says, however often: the log is the practice's.</summary>
    readonly LogThrottle _remoteLog = new(time, perMinute: 500);

    /// <summary>What the API said last and is not looked at yet; of many messages the one that counts.</summary>
    (RemoteConfiguration Remote, bool Opening)? _told;
    readonly Lock _telling = new();

    readonly Channel<Func<CancellationToken, Task>> _changes = Channel.CreateUnbounded<Func<CancellationToken, Task>>(new() { SingleReader = true });
    LinkSettings _local = started;
    RemoteConfiguration? _remote;
    SettingsStatus _standing = new(0, [], []);

    /// <summary>For <c>halo-link status</c>.</summary>
    public SettingsStatus Standing => Volatile.Read(ref _standing);

    /// <summary>The local settings in force.</summary>
    public LinkSettings Local => Volatile.Read(ref _local);

    /// <summary>How a site's database is protected now, for people.</summary>
    public string ProtectionOf(LocalSite site) => parts.Limits.Tighten(site.Id, site.Settings.Protection).Describe(site.Settings.Engine);

    /// <summary>Takes up what was last known, before the first session.</summary>
    public void Begin()
    {
        _remote = file.Read();
        Apply();
    }

    /// <summary>Carries changes out until it is stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        await foreach (var change in _changes.Reader.ReadAllAsync(stop))
        {
            try
            {
                await change(stop);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                // The Link goes on as it was: the next change is tried anew.
                LogNotApplied(e.GetType().Name, e is SettingsException ? e.Message : "");
            }
        }
    }

    /// <summary>The file has changed.</summary>
    public Task OnFileAsync(LinkSettings fresh)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var comes = _changes.Writer.TryWrite(async stop =>
        {
            try
            {
                await ApplyFileAsync(fresh, stop);
            }
            finally
            {
                done.TrySetResult();
            }
        });
        return comes ? done.Task : Task.CompletedTask;
    }

    /// <summary>The API says what its operator wants. Never waits.</summary>
    /// <param name="opening">Whether it is the session's Welcome that says so: then it counts, whatever its number.</param>
    public void OnRemote(RemoteConfiguration? remote, bool opening)
    {
        if (remote is null)
            return;
        lock (_telling)
        {
            var waits = _told is not null;
            // Two changes at the API may overtake one another on their way.
            if (opening || _told is not { } before || remote.Version >= before.Remote.Version)
                _told = (remote, opening || _told?.Opening == true);
            if (waits)
                return;
        }
        _changes.Writer.TryWrite(async _ =>
        {
            lock (_telling)
                ((remote, opening), _told) = (_told!.Value, null);
            if (!opening && remote.Version < (_remote?.Version ?? 0))
                return;
            if (_remote is not null || remote.Version > 0)
                file.Write(remote);
            _remote = remote;
            Apply();
            await AcknowledgeAsync();
        });
    }

    async Task ApplyFileAsync(LinkSettings fresh, CancellationToken stop)
    {
        List<string> restart = [];
        if (fresh.Api != Local.Api)
            restart.Add("api");
        if (fresh.DataDirectory != Local.DataDirectory)
            restart.Add("dataDirectory");
        if (fresh.Otlp != Local.Otlp)
            restart.Add("telemetry.otlp");
        if (fresh.Proxy != Local.Proxy)
            restart.Add("proxy");
        if (fresh.Connection != Local.Connection)
            restart.Add("connection");
        if (fresh.Upload != Local.Upload)
            restart.Add("upload");
        if (fresh.Spool.WaitForRoom != Local.Spool.WaitForRoom)
            restart.Add("spool.waitForRoomMs");
        if (fresh.Sqlite != Local.Sqlite)
            restart.Add("sqlite");
        if (restart.Count > 0 && !restart.SequenceEqual(Standing.NeedsRestart))
            LogRestart(string.Join(", ", restart));
        _standing = Standing with { NeedsRestart = restart };
        var before = Local;
        Volatile.Write(ref _local, fresh with
        {
            Api = before.Api,
            DataDirectory = before.DataDirectory,
            Otlp = before.Otlp,
            Proxy = before.Proxy,
            Connection = before.Connection,
            Upload = before.Upload,
            Sqlite = before.Sqlite,
            Spool = fresh.Spool with { WaitForRoom = before.Spool.WaitForRoom },
        });
        ReserveThreads(fresh, before);
        Apply();
        var sites = await parts.Sites.ApplyAsync(fresh.Sites, stop);
        if (before.EnrolmentToken != fresh.EnrolmentToken && parts.Session.Line is null)
            tryAgain();
        parts.Update.Look();
        parts.Heartbeat.BeatNow();
        LogApplied(sites ? "Its sites changed." : "");
        await AcknowledgeAsync();
    }

    void Apply()
    {
        var judged = RemoteSettingsEvaluator.Of(_remote, _local, parts.Level.Fixed);
        parts.Level.Set(judged.LogLevel, _local.LogLevel);
        parts.Immediate.Resize(judged.ImmediateLanes);
        parts.Async.Resize(judged.AsyncLanes);
        parts.Uploader.Resize(judged.Uploads);
        parts.Spool.Resize(_local.Spool.MaxBytes);
        parts.Limits.Set(judged.Limits);
        parts.Heartbeat.Set(judged.Heartbeat);
        var version = _remote?.Version ?? 0;
        if (version != Standing.RemoteVersion && _remoteLog.Lets(out _))
            LogRemote(version);
        foreach (var refused in judged.Refused.Except(Standing.Refused).Where(_ => _remoteLog.Lets(out var _)))
            LogRefused(refused.Setting, refused.SiteId is { } site ? $" of site {site}" : "", refused.Reason);
        _standing = Standing with { RemoteVersion = version, Refused = judged.Refused };
    }

    /// <summary>
    /// SQLite and the large values of SqlClient block their threads, and beside each export its pages are compressed: the pool shall not be
    /// short of those that carry the line.
    /// </summary>
    /// <param name="before">The settings that these replace; null: none.</param>
    public static void ReserveThreads(LinkSettings settings, LinkSettings? before = null)
    {
        ThreadPool.GetMinThreads(out var workers, out var ports);
        ThreadPool.SetMinThreads(workers + Needed(settings) - (before is null ? 0 : Needed(before)), ports);

        static int Needed(LinkSettings settings) => settings.Sites.Count * (settings.Lanes.Immediate + 1) + 2 * settings.Lanes.Async;
    }

    async Task AcknowledgeAsync()
    {
        if (_remote is { } remote)
            await parts.Session.SendAsync(FrameKind.ConfigurationAck, Guid.Empty, new ConfigurationAck(remote.Version, Standing.Refused), ProtocolJson.Default.ConfigurationAck);
    }

    [LoggerMessage(2036, LogLevel.Information, "The changed configuration is in force. {Sites}")]
    partial void LogApplied(string sites);

    [LoggerMessage(2037, LogLevel.Warning, "These settings changed and need a restart of Halo Link: {Settings}. Until then the old ones hold; everything else is in force.")]
    partial void LogRestart(string settings);

    [LoggerMessage(2038, LogLevel.Information, "Remote configuration {Version} of the Halo API's operator is in force.")]
    partial void LogRemote(long version);

    [LoggerMessage(2039, LogLevel.Warning, "The remote setting {Setting}{Site} is not followed: {Reason}")]
    partial void LogRefused(string setting, string site, string reason);

    [LoggerMessage(2040, LogLevel.Error, "A change of the configuration could not be carried out ({Kind}). {Message}")]
    partial void LogNotApplied(string kind, string message);
}

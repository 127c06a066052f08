using System.Collections;
using System.Security.Cryptography;
using System.Threading.Channels;
using Halo.Link.Files;
using Halo.Link.Settings.Reading;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Settings.Live;

/// <summary>The configuration file of a running Link: read again when it changes. A faulty one changes nothing, and each of its faults is said once.</summary>
/// <remarks>
/// The system's notices come first; they do not reach through network file systems and links, so <see cref="Look"/> is called
/// besides, with each heartbeat and each try to connect: it costs the reading of a small file.
/// </remarks>
sealed partial class SettingsFile(string path, IDictionary environment, LinkSettings read, TimeProvider time, ILogger<SettingsFile> log)
{
    /// <summary>Editors write in several steps: the file is read when it has been left alone for so long.</summary>
    static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(500);

    readonly Channel<bool> _looks = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });
    readonly HashSet<SettingsFault> _said = [];
    IReadOnlyList<SettingsFault> _faults = [];
    readonly SettingsSource _source = new(path);
    string? _seen = DigestOf(new SettingsSource(path));
    string? _openToOthers;
    bool _asked;

    /// <summary>The last good settings.</summary>
    public LinkSettings Good { get; private set; } = read;

    /// <summary>What is wrong with the file now; empty: nothing.</summary>
    public IReadOnlyList<SettingsFault> Faults => Volatile.Read(ref _faults);

    /// <summary>Its path, as it was given.</summary>
    public string FilePath => path;

    /// <summary>The file may have changed. Never waits.</summary>
    /// <param name="asked">Somebody asked for it: it is read even where it has not changed, and its faults are said again.</param>
    public void Look(bool asked = false)
    {
        // Beside the channel, where a notice of the system would take its place.
        if (asked)
            Volatile.Write(ref _asked, true);
        _looks.Writer.TryWrite(asked);
    }

    /// <summary>Watches until it is stopped.</summary>
    /// <param name="changed">Called with good settings, one after another.</param>
    public async Task WatchAsync(Func<LinkSettings, Task> changed, CancellationToken stop)
    {
        using var notices = Watch();
        WarnIfOpen();
        while (true)
        {
            var asked = await _looks.Reader.ReadAsync(stop);
            await Task.Delay(Quiet, time, stop);
            while (_looks.Reader.TryRead(out _))
            {
                // One reading answers them all.
            }
            asked |= Interlocked.Exchange(ref _asked, false);
            if (Read(asked) is { } fresh)
                await changed(fresh).WaitAsync(stop);
            WarnIfOpen();
        }
    }

    /// <summary>Says once that others can read the file, and again after it was mended.</summary>
    void WarnIfOpen()
    {
        var open = OwnFiles.WarningFor(path);
        if (open is not null && open != _openToOthers)
            LogOpen(open);
        _openToOthers = open;
    }

    LinkSettings? Read(bool asked)
    {
        byte[]? content = null;
        try
        {
            content = _source.Read();
            var now = DigestOf(content);
            if (now == _seen && !asked)
                return null;
            Begin(now, asked);
            var fresh = SettingsReader.Read(path, content, environment);
            if (_faults.Count > 0)
                LogGoodAgain(path);
            _said.Clear();
            _faults = [];
            return Good = fresh;
        }
        catch (Exception e)
        {
            // Whatever it is: the Link goes on with what it has.
            if (content is null)
                Begin(null, asked);
            var faults = e is SettingsException known ? known.Faults : [new(path, $"cannot be used ({e.GetType().Name}): undo the last change to it.")];
            foreach (var fault in faults.Where(_said.Add))
                LogFault(path, fault.Name, fault.Message);
            _faults = faults;
            return null;
        }
    }

    void Begin(string? digest, bool asked)
    {
        _seen = digest;
        if (asked)
            _said.Clear();
    }

    FileSystemWatcher? Watch()
    {
        var full = Path.GetFullPath(path);
        try
        {
            // The directory, since an editor puts a new file in the place of the old one; where the file is a link, all of it: a deployment turns another link there.
            var name = new FileInfo(full).LinkTarget is null ? Path.GetFileName(full) : "*";
            var watcher = new FileSystemWatcher(Path.GetDirectoryName(full)!, name) { NotifyFilter = NotifyFilters.FileName | NotifyFilters.LastWrite | NotifyFilters.Size };
            watcher.Changed += (_, _) => Look();
            watcher.Created += (_, _) => Look();
            watcher.Renamed += (_, _) => Look();
            watcher.Error += (_, _) => Look();
            watcher.EnableRaisingEvents = true;
            return watcher;
        }
        catch (Exception e) when (e is IOException or ArgumentException or PlatformNotSupportedException or UnauthorizedAccessException)
        {
            LogUnwatched(full, e.GetType().Name);
            return null;
        }
    }

    static string DigestOf(byte[] content) => Convert.ToHexString(SHA256.HashData(content));

    static string? DigestOf(SettingsSource source)
    {
        try
        {
            return DigestOf(source.Read());
        }
        catch (SettingsException)
        {
            return null;
        }
    }

    [LoggerMessage(2032, LogLevel.Error, "The configuration {Path} has a fault, and the one before stays in force: {Setting}: {Message}")]
    partial void LogFault(string path, string setting, string message);

    [LoggerMessage(2033, LogLevel.Information, "The configuration {Path} has no faults any more.")]
    partial void LogGoodAgain(string path);

    [LoggerMessage(2034, LogLevel.Warning, "The system gives no notice of changes to {Path} ({Kind}): they are found with the next heartbeat, or at once by SIGHUP.")]
    partial void LogUnwatched(string path, string kind);

    [LoggerMessage(2043, LogLevel.Warning, "{Warning}")]
    partial void LogOpen(string warning);
}

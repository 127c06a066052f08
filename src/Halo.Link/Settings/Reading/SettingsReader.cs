using System.Collections;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Bounds;
using Halo.LinkProtocol.Enrolment;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Settings.Reading;

/// <summary>Reads the configuration file, lays the environment over it and checks the whole.</summary>
static partial class SettingsReader
{
    /// <summary>Bytes that may describe the sites; the rest of an enrolment is the machine's.</summary>
    const int MostTold = ProtocolLimits.MaxEnrolmentBytes - 16 * 1024;

    /// <exception cref="SettingsException">With every fault that was found.</exception>
    public static LinkSettings Read(string file, IDictionary environment) => Explain(file, () => Read(file, new SettingsSource(file).Read(), environment));

    /// <summary>The same from bytes that were read from <paramref name="file"/>.</summary>
    /// <param name="asService">Whether this process's account has to be able to write the data directory, which is made where it is missing.</param>
    /// <exception cref="SettingsException">With every fault that was found.</exception>
    public static LinkSettings Read(string file, byte[] content, IDictionary environment, bool asService = true) => Explain(file, () =>
    {
        var faults = new List<SettingsFault>();
        var root = SettingsText.Parse(file, content);
        EnvironmentOverlay.Apply(root, environment, faults);
        var node = new SettingsNode(root, "", faults);
        var settings = new LinkSettings
        {
            Api = ReadApi(node),
            EnrolmentToken = node.Text("enrolmentToken", mostBytes: MessageBounds.Most<EnrolRequest>("enrolmentToken")),
            DataDirectory = ReadDataDirectory(node, file, asService),
            Lanes = ReadLanes(node),
            Spool = ReadSpool(node),
            Sqlite = ReadSqlite(node),
            Uploads = (int)node.Number("uploads", 3, 1, 8),
            LogLevel = ReadLogLevel(node),
            WarmUp = TimeSpan.FromMilliseconds(node.Number("warmUpMs", 4000, 0, 60_000)),
            RemoteConfiguration = node.Truth("remoteConfiguration", true),
            Connection = ConnectionReader.ReadConnection(node),
            Upload = ConnectionReader.ReadUpload(node),
            Updates = UpdateReader.Read(node),
            Proxy = ConnectionReader.ReadProxy(node),
            Sites = ReadSites(node),
            Otlp = ReadOtlp(node),
        };
        node.RefuseUnknown();
        return faults.Count == 0 ? settings : throw new SettingsException(faults);
    });

    /// <summary>The data directory alone, for commands that talk to a running Link; the rest is not looked at.</summary>
    /// <exception cref="SettingsException">The file cannot be read.</exception>
    public static string ReadDataDirectory(string file, IDictionary environment) => Explain(file, () =>
    {
        var root = SettingsText.Parse(file, new SettingsSource(file).Read());
        EnvironmentOverlay.Apply(root, environment, []);
        return PathOf(new SettingsNode(root, "", []).Text("dataDirectory"), file);
    });

    /// <summary>Where the data directory of a faulty file most likely is: the Link that still runs with the settings before shall be found.</summary>
    public static string GuessDataDirectory(string file, IDictionary environment)
    {
        try
        {
            var root = new JsonObject();
            if (WrittenDataDirectory(file) is { } written)
                root["dataDirectory"] = written;
            EnvironmentOverlay.Apply(root, environment, []);
            return PathOf(new SettingsNode(root, "", []).Text("dataDirectory"), file);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException or IOException)
        {
            return DefaultPaths.DataDirectory;
        }
    }

    static string? WrittenDataDirectory(string file)
    {
        try
        {
            var text = Encoding.UTF8.GetString(SettingsText.ToUtf8(file, new SettingsSource(file).Read()));
            return DataDirectoryInText().Match(text) is { Success: true } found
                ? JsonNode.Parse(found.Groups[1].Value)!.GetValue<string>()
                : null;
        }
        catch (Exception e) when (e is SettingsException or JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    [GeneratedRegex("\"dataDirectory\"\\s*:\\s*(\"(?:[^\"\\\\]|\\\\.)*\")", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex DataDirectoryInText();

    /// <summary>Whatever the file holds, it ends as a fault and never as the end of the process.</summary>
    static T Explain<T>(string file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is not SettingsException)
        {
            throw Unusable(file, $"cannot be used ({e.GetType().Name}): undo the last change to it.");
        }
    }

    static Uri ReadApi(SettingsNode node)
    {
        var fallback = new Uri("https://invalid.invalid");
        var text = node.Text("api", "give the address of the Halo API, as https://halo.example", MessageBounds.Most<EnrolRequest>("api"));
        if (text is null)
            return fallback;
        if (!Uri.TryCreate(text, UriKind.Absolute, out var api) || api.Scheme is not ("http" or "https") || api.UserInfo != "" || api.Query != "")
            node.Fault("api", "must be an address as https://halo.example.");
        else if (api.Scheme == "http" && !api.IsLoopback)
            node.Fault("api", "must begin with https://: plain http is allowed on this machine alone (127.0.0.1, localhost).");
        else
            return api;
        return fallback;
    }

    static string ReadDataDirectory(SettingsNode node, string file, bool asService)
    {
        var path = PathOf(node.Text("dataDirectory"), file);
        if (asService && WhyNotWritable(path) is { } why)
            node.Fault("dataDirectory", $"{path} {why}: let the account {Environment.UserName} write there, or name another directory.");
        return path;
    }

    /// <summary>A relative path counts from the file that says it, so that it means the same whoever starts the Link.</summary>
    static string PathOf(string? text, string file) =>
        Path.GetFullPath(text ?? DefaultPaths.DataDirectory, Path.GetDirectoryName(Path.GetFullPath(file))!);

    static string? WhyNotWritable(string path)
    {
        try
        {
            if (OperatingSystem.IsWindows())
                Directory.CreateDirectory(path);
            else
                Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            var probe = Path.Combine(path, $".probe-{Environment.ProcessId}");
            using (File.Create(probe, 1, FileOptions.DeleteOnClose))
                return null;
        }
        catch (UnauthorizedAccessException)
        {
            return "cannot be written";
        }
        catch (Exception e) when (e is IOException or ArgumentException or NotSupportedException)
        {
            return $"cannot be used ({e.GetType().Name})";
        }
    }

    static LaneSettings ReadLanes(SettingsNode node)
    {
        var standard = new LaneSettings();
        if (node.Object("lanes") is not { } lanes)
            return standard;
        var read = new LaneSettings
        {
            Immediate = (int)lanes.Number("immediate", standard.Immediate, 1, 64),
            Async = (int)lanes.Number("async", standard.Async, 1, 16),
        };
        lanes.RefuseUnknown();
        return read;
    }

    static LogLevel? ReadLogLevel(SettingsNode node)
    {
        if (node.Text("logLevel") is not { } text)
            return null;
        if (SettingsNode.OneOf(text, Enum.GetNames<LogLevel>()) is { } known)
            return Enum.Parse<LogLevel>(known);
        node.Fault("logLevel", $"must be one of {string.Join(", ", Enum.GetNames<LogLevel>())}.");
        return null;
    }

    static SpoolSettings ReadSpool(SettingsNode node)
    {
        var standard = new SpoolSettings();
        if (node.Object("spool") is not { } spool)
            return standard;
        var read = new SpoolSettings
        {
            MaxBytes = spool.Number("maxBytes", standard.MaxBytes, 1L << 20, 1L << 40),
            WaitForRoom = ConnectionReader.Time(spool, "waitForRoomMs", standard.WaitForRoom, 100, 600_000),
        };
        spool.RefuseUnknown();
        return read;
    }

    static SqliteSettings ReadSqlite(SettingsNode node)
    {
        var standard = new SqliteSettings();
        if (node.Object("sqlite") is not { } sqlite)
            return standard;
        var read = new SqliteSettings { MaxMemoryBytes = sqlite.Number("maxMemoryBytes", standard.MaxMemoryBytes, 32L << 20, 16L << 30) };
        sqlite.RefuseUnknown();
        return read;
    }

    static Uri? ReadOtlp(SettingsNode node)
    {
        if (node.Object("telemetry") is not { } telemetry)
            return null;
        Uri? otlp = null;
        if (telemetry.Text("otlp") is { } text && !(Uri.TryCreate(text, UriKind.Absolute, out otlp) && otlp.Scheme is "http" or "https"))
            telemetry.Fault("otlp", "must be the http or https address of an OTLP collector, as http://127.0.0.1:4318.");
        telemetry.RefuseUnknown();
        return otlp;
    }

    static List<SiteSettings> ReadSites(SettingsNode node)
    {
        var nodes = node.Objects("sites", MessageBounds.Most<EnrolRequest>("sites"), "give the rest to another Link, with a data directory of its own");
        if (nodes is null or { Count: 0 })
        {
            node.Fault("sites", "is missing or empty: describe at least one site.");
            return [];
        }
        var sites = nodes.Select(SiteReader.Read).ToList();
        var told = sites.Sum(SiteReader.BytesTold);
        if (told > MostTold)
            node.Fault("sites", $"would take {told} bytes to describe to the Halo API, of {MostTold}: leave out catalogues that no integrator asks for, shorten names, or give some of the sites to another Link.");
        return sites;
    }

    static SettingsException Unusable(string file, string what) => new([new(file, what)]);
}

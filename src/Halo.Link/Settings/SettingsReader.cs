using System.Collections;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Halo.Link.Settings;

/// <summary>Reads the configuration file, lays the environment over it and checks the whole.</summary>
public static class SettingsReader
{
    /// <exception cref="SettingsException">With every fault that was found.</exception>
    public static LinkSettings Read(string file, IDictionary environment)
    {
        var faults = new List<SettingsFault>();
        var root = ReadFile(file);
        EnvironmentOverlay.Apply(root, environment, faults);
        var node = new SettingsNode(root, "", faults);
        var settings = new LinkSettings
        {
            Api = ReadApi(node),
            EnrolmentToken = node.Text("enrolmentToken"),
            DataDirectory = ReadDataDirectory(node, file),
            Lanes = ReadLanes(node),
            Spool = ReadSpool(node),
            Sites = ReadSites(node),
            Otlp = ReadOtlp(node),
        };
        node.RefuseUnknown();
        return faults.Count == 0 ? settings : throw new SettingsException(faults);
    }

    /// <summary>The data directory alone, for commands that talk to a running Link; the rest is not looked at.</summary>
    /// <exception cref="SettingsException">The file cannot be read.</exception>
    public static string ReadDataDirectory(string file, IDictionary environment)
    {
        var root = ReadFile(file);
        EnvironmentOverlay.Apply(root, environment, []);
        return PathOf(new SettingsNode(root, "", []).Text("dataDirectory"), file);
    }

    static JsonObject ReadFile(string file)
    {
        try
        {
            using var stream = File.OpenRead(file);
            var node = JsonNode.Parse(stream, documentOptions: new()
            {
                CommentHandling = JsonCommentHandling.Skip,
                AllowTrailingCommas = true,
                AllowDuplicateProperties = false,
            });
            return node as JsonObject ?? throw Unusable(file, "must hold one JSON object in braces.");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Unusable(file, "does not exist: write it (docs/configuration), or name another file with --config.");
        }
        catch (UnauthorizedAccessException)
        {
            throw Unusable(file, $"cannot be read by the account {Environment.UserName}: give it the right to read, or name another file with --config.");
        }
        catch (IOException e)
        {
            throw Unusable(file, $"cannot be read ({e.GetType().Name}).");
        }
        catch (JsonException e)
        {
            // Not the parser's own words: they can quote the file, and a password with it.
            throw Unusable(file, $"is not valid JSON at line {e.LineNumber + 1}, position {e.BytePositionInLine + 1}: "
                + "texts stand in double quotes, a backslash in them is written twice, a name stands once in its braces.");
        }
    }

    static Uri ReadApi(SettingsNode node)
    {
        var fallback = new Uri("https://invalid.invalid");
        var text = node.Text("api", "give the address of the Halo API, as https://halo.example");
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

    static string ReadDataDirectory(SettingsNode node, string file)
    {
        var path = PathOf(node.Text("dataDirectory"), file);
        if (WhyNotWritable(path) is { } why)
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
        catch (IOException e)
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

    static SpoolSettings ReadSpool(SettingsNode node)
    {
        var standard = new SpoolSettings();
        if (node.Object("spool") is not { } spool)
            return standard;
        var read = new SpoolSettings { MaxBytes = spool.Number("maxBytes", standard.MaxBytes, 64L << 20, 1L << 40) };
        spool.RefuseUnknown();
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
        var nodes = node.Objects("sites");
        if (nodes is null or { Count: 0 })
        {
            node.Fault("sites", "is missing or empty: describe at least one site.");
            return [];
        }
        return [.. nodes.Select(SiteReader.Read)];
    }

    static SettingsException Unusable(string file, string what) => new([new(file, what)]);
}

using Microsoft.Extensions.Configuration.CommandLine;
using Microsoft.Extensions.Primitives;

namespace Halo.Api.Basics;

/// <summary>
/// The section <c>Halo</c> of the settings, which notes each setting that is read. Whatever stands there and was not read when all options have been
/// is misspelt: so a new setting is known as soon as something reads it, and no list has to be kept.
/// </summary>
sealed class KnownSettings : IConfigurationSection
{
    const string Root = "Halo";

    /// <summary>What .NET itself takes on the command line; a section counts with everything below it.</summary>
    static readonly HashSet<string> OfDotNet = new(StringComparer.OrdinalIgnoreCase)
    {
        "urls", "http_ports", "https_ports", "preferHostingUrls", "environment", "contentRoot", "webRoot", "applicationName", "hostBuilder",
        "hostingStartupAssemblies", "hostingStartupExcludeAssemblies", "preventHostingStartup", "startupAssembly", "shutdownTimeoutSeconds",
        "detailedErrors", "captureStartupErrors", "suppressStatusMessages", "staticWebAssets", "forwardedHeaders_enabled", "ConnectionStrings",
        "Logging", "Kestrel", "AllowedHosts",
    };

    readonly IConfigurationSection _section;
    readonly HashSet<string> _read;

    KnownSettings(IConfigurationSection section, HashSet<string> read) => (_section, _read) = (section, read);

    /// <summary>Whether a key is one of the service's settings or .NET's own.</summary>
    public static bool IsRoot(string key) => key.Split(':')[0] is var root && (OfDotNet.Contains(root) || root.Equals(Root, StringComparison.OrdinalIgnoreCase));

    /// <summary>The settings of the service.</summary>
    public static KnownSettings Of(IConfiguration configuration) => new(configuration.GetSection(Root), new(StringComparer.OrdinalIgnoreCase));

    /// <summary>Adds a fault for each setting that nothing has read, and for each on the command line that neither the service nor .NET has.</summary>
    public void FindUnknown(IConfiguration configuration, List<string> faults)
    {
        faults.AddRange(_section.AsEnumerable()
            .Where(s => s.Value is not null && !_read.Contains(s.Key) && s.Key != _section.Key)
            .Select(s => s.Key).Order(StringComparer.OrdinalIgnoreCase)
            .Select(key => $"{key} is no setting{NearestName.Question(Nearest(key))}"));
        foreach (var section in configuration.GetChildren())
        {
            if (!section.Key.Equals(Root, StringComparison.OrdinalIgnoreCase) && NearestName.To(section.Key, [Root]) is not null
                && section.AsEnumerable().FirstOrDefault(s => s.Value is not null && _read.Contains(Root + s.Key[section.Key.Length..])) is { Key: { } key })
                faults.Add($"{key} is no setting{NearestName.Question(Root + key[section.Key.Length..])}");
        }
        if (configuration is not IConfigurationRoot root)
            return;
        foreach (var line in root.Providers.OfType<CommandLineConfigurationProvider>())
        {
            faults.AddRange(line.GetChildKeys([], null).Distinct(StringComparer.OrdinalIgnoreCase)
                .Where(k => !OfDotNet.Contains(k) && !k.Equals(Root, StringComparison.OrdinalIgnoreCase) && NearestName.To(k, [Root]) is null)
                .Select(k => $"--{k} is no setting{NearestName.Question(NearestOnLine(k))}"));
        }
    }

    /// <summary>The same name in another section, or one that is like it in a section that is like this one.</summary>
    string? Nearest(string key)
    {
        var (section, name) = Split(key);
        if (_read.FirstOrDefault(k => Split(k).Name.Equals(name, StringComparison.OrdinalIgnoreCase)) is { } moved)
            return moved;
        var near = _read.Where(k => NearestName.To(section, [Split(k).Section]) is not null).ToList();
        return NearestName.To(name, [.. near.Select(k => Split(k).Name)]) is { } meant ? near.Find(k => Split(k).Name == meant) : null;
    }

    string? NearestOnLine(string key) =>
        _read.FirstOrDefault(k => k.Equals($"{Root}:{key}", StringComparison.OrdinalIgnoreCase)) is { } ours ? $"--{ours}"
        : NearestName.To(key, OfDotNet) is { } theirs ? $"--{theirs}"
        : null;

    static (string Section, string Name) Split(string key) => (ConfigurationPath.GetParentPath(key) ?? "", ConfigurationPath.GetSectionKey(key));

    /// <inheritdoc/>
    public string? this[string key]
    {
        get
        {
            _read.Add(ConfigurationPath.Combine(Path, key));
            return _section[key];
        }
        set => throw new NotSupportedException("Settings are read at the start alone.");
    }

    /// <inheritdoc/>
    public string Key => _section.Key;

    /// <inheritdoc/>
    public string Path => _section.Path;

    /// <inheritdoc/>
    public string? Value
    {
        get
        {
            _read.Add(Path);
            return _section.Value;
        }
        set => throw new NotSupportedException("Settings are read at the start alone.");
    }

    /// <inheritdoc/>
    public IConfigurationSection GetSection(string key) => new KnownSettings(_section.GetSection(key), _read);

    /// <inheritdoc/>
    public IEnumerable<IConfigurationSection> GetChildren() => [.. _section.GetChildren().Select(c => new KnownSettings(c, _read))];

    /// <inheritdoc/>
    public IChangeToken GetReloadToken() => _section.GetReloadToken();
}

using Halo.Api.Storage;
using Halo.Line;

namespace Halo.Api;

/// <summary>Warns at start of files with keys or passwords that every account of the machine can read.</summary>
static partial class OpenKeyFiles
{
    static readonly string[] Keys = ["admin.key", "master.key"];
    static readonly string[] Secrets =
        ["Halo:AdminKey", "Halo:Encryption:MasterKey", "Halo:Encryption:OldKeys:0", "Halo:Storage:ConnectionString", "Halo:Telemetry:MetricsKey", "Kestrel:Certificates:Default:Password"];

    public static void Warn(IConfigurationRoot configuration, DataDirectory directory, ILogger log)
    {
        foreach (var warning in Warnings(configuration, directory))
            LogOpen(log, warning);
    }

    public static IEnumerable<string> Warnings(IConfigurationRoot configuration, DataDirectory directory) =>
        Keys.Select(directory.File).Concat(SettingsWithSecrets(configuration))
            .Select(file => FileRights.WarningFor(file, "what opens this service or its data")).OfType<string>();

    static IEnumerable<string> SettingsWithSecrets(IConfigurationRoot configuration) =>
        from provider in configuration.Providers.OfType<FileConfigurationProvider>()
        where Secrets.Any(secret => provider.TryGet(secret, out var value) && !string.IsNullOrEmpty(value))
            || provider.GetChildKeys([], "Kestrel:Endpoints").Any(name => provider.TryGet($"Kestrel:Endpoints:{name}:Certificate:Password", out _))
        let path = provider.Source.Path is { } name ? provider.Source.FileProvider?.GetFileInfo(name).PhysicalPath : null
        where path is not null
        select path;

    [LoggerMessage(1420, LogLevel.Warning, "{Warning}")]
    static partial void LogOpen(ILogger log, string warning);
}

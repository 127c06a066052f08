namespace Halo.Link.Settings;

/// <summary>Where configuration and data stand unless something else is said.</summary>
static class DefaultPaths
{
    const string FileName = "halo-link.json";

    /// <summary>Linux: <c>/etc/halo-link/halo-link.json</c>; Windows: <c>%ProgramData%\Halo Link\halo-link.json</c>.</summary>
    public static string ConfigurationFile => OperatingSystem.IsWindows()
        ? Path.Combine(WindowsRoot, FileName)
        : Path.Combine("/etc/halo-link", FileName);

    /// <summary>Linux: <c>/var/lib/halo-link</c>; Windows: <c>%ProgramData%\Halo Link\data</c>.</summary>
    public static string DataDirectory => OperatingSystem.IsWindows() ? Path.Combine(WindowsRoot, "data") : "/var/lib/halo-link";

    static string WindowsRoot =>
        Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.CommonApplicationData), "Halo Link");
}

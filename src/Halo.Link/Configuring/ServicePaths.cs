using Halo.Link.Engines;
using Halo.Link.Settings;
using Microsoft.Data.Sqlite;

namespace Halo.Link.Configuring;

/// <summary>Under systemd the service may write its own directory alone: the directories of SQLite databases are added to it, since SQLite writes beside a database even for who only reads.</summary>
/// <param name="root">Where the file system of the machine begins.</param>
sealed class ServicePaths(string root)
{
    const string Unit = "halo-link.service";

    string DropIn => Path.Combine(root, "etc/systemd/system", Unit + ".d", "sqlite.conf");

    /// <summary>Writes them down for systemd, or takes them back where there are none any more.</summary>
    /// <returns>What a person has to know and do; null: nothing changed.</returns>
    public string? Apply(LinkSettings settings)
    {
        if (!File.Exists(Path.Combine(root, "lib/systemd/system", Unit)) && !File.Exists(Path.Combine(root, "etc/systemd/system", Unit)))
            return null;
        var directories = DirectoriesOf(settings);
        var text = directories.Count == 0 ? null : string.Join('\n',
            "# Written by halo-link configure: the directories of SQLite databases, of which one may be somebody's home.",
            "[Service]",
            $"ReadWritePaths={string.Join(' ', directories.Select(Quoted))}",
            "ProtectHome=read-only",
            "");
        try
        {
            if ((File.Exists(DropIn) ? File.ReadAllText(DropIn) : null) == text)
                return null;
            Directory.CreateDirectory(Path.GetDirectoryName(DropIn)!);
            if (text is null)
                File.Delete(DropIn);
            else
                File.WriteAllText(DropIn, text);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"{DropIn} could not be written ({e.GetType().Name}). The service needs: {(text is null ? "nothing" : $"ReadWritePaths={string.Join(' ', directories)}")}";
        }
        if (text is null)
            return "The service may not write any SQLite directory any more, once it was started anew: systemctl daemon-reload && systemctl restart halo-link";
        return $"The service may write {string.Join(", ", directories)}, once it was started anew: systemctl daemon-reload && systemctl restart halo-link. "
            + "Its account, halo-link, needs the right to write there and in the database's file.";
    }

    /// <summary>In quotes, as systemd reads it; the minus: it need not be there at the start.</summary>
    static string Quoted(string path) =>
        $"\"-{path.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("%", "%%", StringComparison.Ordinal)}\"";

    static List<string> DirectoriesOf(LinkSettings settings) =>
    [
        .. settings.Sites.Where(s => s.Engine == EngineNames.Sqlite).SelectMany(s => Files(s))
            .Select(f => Path.GetDirectoryName(f)).OfType<string>().Where(d => !d.Any(char.IsControl)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal),
    ];

    /// <summary>Of all its logins and catalogues. Relative ones count from the service's working directory, which is /.</summary>
    static IEnumerable<string> Files(SiteSettings site)
    {
        var logins = site.Policy is { } policy ? policy.Integrators.Values.Append(policy.Default).Select(r => r.ConnectionString) : [];
        var sources = logins.Append(site.ConnectionString).OfType<string>().Select(c => new SqliteConnectionStringBuilder(c).DataSource)
            .Concat(site.Catalogues.Select(c => c.Database).OfType<string>());
        return sources.Select(PathOf).OfType<string>();
    }

    /// <returns>Null: it is in memory.</returns>
    static string? PathOf(string source)
    {
        if (source.StartsWith("file:", StringComparison.OrdinalIgnoreCase))
            source = Uri.UnescapeDataString(source["file:".Length..].Split('?', '#')[0]);
        return source.Length == 0 || source.StartsWith(":memory:", StringComparison.Ordinal) ? null : Path.GetFullPath(source.StartsWith("//", StringComparison.Ordinal) ? source[1..] : source, "/");
    }
}

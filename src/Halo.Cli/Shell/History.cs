using System.Text.RegularExpressions;

namespace Halo.Cli.Shell;

/// <summary>Statements that were typed, in a file that only its owner can read; never what they gave.</summary>
/// <param name="path">Null: they are forgotten at the end.</param>
/// <exception cref="IOException">The file could not be read.</exception>
sealed partial class History(string? path)
{
    const int Most = 1_000;

    const UnixFileMode OwnerFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    readonly List<string> _all = Read(path);

    /// <summary>The user's own, beside the profiles; null where there is no home.</summary>
    public static string? DefaultPath
    {
        get
        {
            var directory = Path.GetDirectoryName(Profiles.ProfileStore.Default.FilePath)!;
            return Path.IsPathRooted(directory) ? Path.Combine(directory, "history") : null;
        }
    }

    /// <summary>From the oldest on.</summary>
    public IReadOnlyList<string> All => _all;

    /// <exception cref="IOException">The file could not be written.</exception>
    public void Add(string statement)
    {
        if (IsPrivate(statement))
            return;
        if (_all.Count > 0 && _all[^1] == statement)
            return;
        _all.Add(statement);
        if (path is null)
            return;
        CreateDirectory(Path.GetDirectoryName(path)!);
        // Whole lines only: another shell may write here too.
        using var file = Open(path, FileMode.Append);
        using var writer = new StreamWriter(file);
        writer.Write(Escaped(statement) + "\n");
    }

    /// <summary>A leading space asks for it, as in other shells; and a password is no one else's to read.</summary>
    static bool IsPrivate(string statement) => statement.StartsWith(' ') || Passwords().IsMatch(statement);

    static List<string> Read(string? path)
    {
        if (path is null || !File.Exists(path))
            return [];
        var all = File.ReadLines(path).Where(l => l.Length > 0).Select(Plain).ToList();
        if (all.Count <= 2 * Most)
            return all[^Math.Min(all.Count, Most)..];
        var kept = all[^Most..];
        var next = path + ".new";
        File.Delete(next);
        using (var writer = new StreamWriter(Open(next, FileMode.CreateNew)))
        {
            foreach (var statement in kept)
                writer.Write(Escaped(statement) + "\n");
        }
        File.Move(next, path, overwrite: true);
        return kept;
    }

    static FileStream Open(string path, FileMode mode)
    {
        var options = new FileStreamOptions { Mode = mode, Access = FileAccess.Write, Share = FileShare.ReadWrite };
        if (!OperatingSystem.IsWindows())
        {
            // One that was there before may be open to others.
            if (File.Exists(path))
                File.SetUnixFileMode(path, OwnerFile);
            options.UnixCreateMode = OwnerFile;
        }
        return new FileStream(path, options);
    }

    static void CreateDirectory(string directory)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(directory);
        else
            Directory.CreateDirectory(directory, OwnerFile | UnixFileMode.UserExecute);
    }

    [GeneratedRegex(@"password|identified\s+by", RegexOptions.IgnoreCase)]
    private static partial Regex Passwords();

    /// <summary>One statement is one line.</summary>
    static string Escaped(string statement) =>
        statement.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal).Replace("\r", "", StringComparison.Ordinal);

    static string Plain(string line)
    {
        var made = new System.Text.StringBuilder();
        for (var i = 0; i < line.Length; i++)
        {
            if (line[i] == '\\' && i + 1 < line.Length)
                made.Append(line[++i] == 'n' ? '\n' : line[i]);
            else
                made.Append(line[i]);
        }
        return made.ToString();
    }
}

using System.Buffers;

namespace Halo.Releases;

/// <summary>Paths of files in a release: whatever they say, nothing is written outside the version's directory, on Linux and on Windows alike.</summary>
static class ReleasePaths
{
    static readonly SearchValues<char> Allowed = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-+/");

    /// <summary>Names that Windows gives to devices, in every directory and with any ending.</summary>
    static readonly HashSet<string> Devices =
        new(["CON", "PRN", "AUX", "NUL", .. Enumerable.Range(0, 10).SelectMany(n => (string[])[$"COM{n}", $"LPT{n}"])], StringComparer.OrdinalIgnoreCase);

    /// <exception cref="ReleaseRefusedException">One of them is not allowed, or two are the same.</exception>
    public static void Check(IReadOnlyList<string?> paths)
    {
        // Without case, as Windows compares.
        var files = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var directories = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var path in paths)
        {
            if (path is null || !IsAllowed(path))
                throw new ReleaseRefusedException(RefusalKind.Damaged, "The release is damaged: one of its files has a path that is not allowed.");
            if (!files.Add(path))
                throw new ReleaseRefusedException(RefusalKind.Damaged, $"The release is damaged: the file {path} stands in it twice.");
            for (var end = path.IndexOf('/', StringComparison.Ordinal); end > 0; end = path.IndexOf('/', end + 1))
                directories.Add(path[..end]);
        }
        if (files.FirstOrDefault(directories.Contains) is { } both)
            throw new ReleaseRefusedException(RefusalKind.Damaged, $"The release is damaged: {both} is a file and a directory in it.");
    }

    static bool IsAllowed(string path) => path.Length is > 0 and <= ReleaseBounds.LongestPath && !path.AsSpan().ContainsAnyExcept(Allowed)
        && path.Split('/').All(part => part.Length > 0 && !part.StartsWith('.') && !part.EndsWith('.') && !Devices.Contains(part.Split('.')[0]));
}

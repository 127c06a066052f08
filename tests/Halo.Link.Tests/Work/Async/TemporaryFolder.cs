namespace Halo.Link.Tests.Work.Async;

/// <summary>A data directory of one test, gone with it.</summary>
sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("halo-link-").FullName;

    /// <summary>A copy of the files as they are now: what a kill at this moment would leave.</summary>
    public TemporaryFolder CopyAsKilled()
    {
        while (true)
        {
            var copy = new TemporaryFolder();
            try
            {
                CopyTo(copy);
                return copy;
            }
            catch (FileNotFoundException)
            {
                // Renamed between the look and the copy: the moment was no moment.
                copy.Dispose();
            }
        }
    }

    /// <summary>Whether nobody but the owner may touch any of them; on Windows the rights are the directory's.</summary>
    public static void AssertOwnersAlone(IEnumerable<string> paths)
    {
        const UnixFileMode others = ~(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        foreach (var path in paths)
        {
            if (!OperatingSystem.IsWindows())
                Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(path) & others);
        }
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);

    void CopyTo(TemporaryFolder copy)
    {
        foreach (var folder in Directory.GetDirectories(Path, "*", SearchOption.AllDirectories))
            Directory.CreateDirectory(System.IO.Path.Combine(copy.Path, System.IO.Path.GetRelativePath(Path, folder)));
        foreach (var file in Directory.GetFiles(Path, "*", SearchOption.AllDirectories))
            File.Copy(file, System.IO.Path.Combine(copy.Path, System.IO.Path.GetRelativePath(Path, file)));
    }
}

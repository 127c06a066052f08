using System.Diagnostics;

namespace Halo.SystemTests.Disk;

/// <summary>A directory on a disk of a few megabytes, which tests can fill.</summary>
sealed class SmallDisk : IDisposable
{
    const int MostNames = 20_000;
    readonly string _path;

    SmallDisk(string path) => _path = path;

    /// <summary>Mounts it; skips the test where that is not allowed.</summary>
    public static SmallDisk Mount(string path, int megabytes)
    {
        Directory.CreateDirectory(path);
        var mounted = OperatingSystem.IsLinux() && Run("mount", "-t", "tmpfs", "-o", $"size={megabytes}m,mode=700,nr_inodes={MostNames}", "tmpfs", path);
        Assert.SkipUnless(mounted, "A tmpfs cannot be mounted here: run it as root on Linux, in a container with the capability SYS_ADMIN.");
        return new(path);
    }

    string Ballast => Path.Combine(_path, "ballast");

    string Names => Path.Combine(_path, "names");

    public long Free => new DriveInfo(_path).AvailableFreeSpace;

    /// <summary>Takes room until so many bytes are free.</summary>
    public void Leave(long bytes)
    {
        using var file = new FileStream(Ballast, FileMode.Append, FileAccess.Write, FileShare.None, 1);
        try
        {
            while (Free > bytes)
                file.Write(new byte[(int)Math.Min(64 * 1024, Math.Max(1, Free - bytes))]);
        }
        catch (IOException)
        {
            // It is full.
        }
    }

    /// <summary>Gives it back.</summary>
    public void Clear() => File.Delete(Ballast);

    /// <summary>Takes files until so many more can be made: a disk may be full though it has bytes.</summary>
    public void LeaveNames(int names)
    {
        Directory.CreateDirectory(Names);
        var made = new Stack<string>();
        try
        {
            for (var n = 0; n <= MostNames; n++)
            {
                made.Push(Path.Combine(Names, $"{n}"));
                File.WriteAllBytes(made.Peek(), []);
            }
        }
        catch (IOException)
        {
            // None is left.
        }
        for (var n = 0; n <= names; n++)
            File.Delete(made.Pop());
    }

    /// <summary>Gives them back.</summary>
    public void ClearNames() => Directory.Delete(Names, recursive: true);

    public void Dispose()
    {
        if (!Run("umount", _path))
            Run("umount", "-l", _path);
    }

    /// <returns>Whether it ended well; false too where there is no such program.</returns>
    internal static bool Run(string program, params string[] arguments) => Start(program, arguments).Code == 0;

    /// <summary>The first line that it writes.</summary>
    internal static string Read(string program, params string[] arguments) => Start(program, arguments).Output.Split('\n')[0];

    static (int Code, string Output) Start(string program, string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return (-1, "");
        }
    }
}

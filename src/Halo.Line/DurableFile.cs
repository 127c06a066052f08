using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Halo.Line;

/// <summary>Files that are there after a power loss, whole or not at all.</summary>
public static class DurableFile
{
    const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Writes a small secret that only the program's account can read.</summary>
    /// <returns>False: the file was there already and is unchanged.</returns>
    public static bool TryCreateOwnerOnly(string path, string content)
    {
        var draft = $"{path}.{RandomNumberGenerator.GetHexString(16, lowercase: true)}.tmp";
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = OwnerOnly;
        using (var file = new FileStream(draft, options))
        {
            file.Write(Encoding.UTF8.GetBytes(content + "\n"));
            file.Flush(flushToDisk: true);
        }
        if (!TryName(draft, path))
        {
            File.Delete(draft);
            return false;
        }
        SyncDirectory(Path.GetDirectoryName(path)!);
        return true;
    }

    /// <summary>Makes an empty file that only the program's account can read, where there is none; what is there keeps its rights.</summary>
    public static void EnsureOwnerOnly(string path)
    {
        if (OperatingSystem.IsWindows() || File.Exists(path))
            return;
        using var file = new FileStream(path, new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.Write, Share = FileShare.ReadWrite, UnixCreateMode = OwnerOnly });
    }

    /// <summary>In one step, so that of two that try at once one alone succeeds.</summary>
    static bool TryName(string draft, string path)
    {
        // File.Move looks first and renames then, on every system but Windows: it would replace what came between the two.
        if (!OperatingSystem.IsWindows())
        {
            if (Link(Encoding.UTF8.GetBytes(draft + "\0"), Encoding.UTF8.GetBytes(path + "\0")) == 0)
            {
                File.Delete(draft);
                return true;
            }
            if (File.Exists(path))
                return false;
            // A file system without links: what is left is the look before.
        }
        try
        {
            File.Move(draft, path, overwrite: false);
            return true;
        }
        catch (IOException) when (File.Exists(path))
        {
            return false;
        }
    }

    /// <summary>Gives <paramref name="draft"/>, already synced, its name, durably.</summary>
    public static void Publish(string draft, string path)
    {
        File.Move(draft, path, overwrite: true);
        SyncDirectory(Path.GetDirectoryName(path)!);
    }

    /// <summary>Makes the directory and its missing parents, durably, for the program's account alone.</summary>
    public static void CreateDirectory(string path)
    {
        if (Directory.Exists(path))
            return;
        var parent = Path.GetDirectoryName(path)!;
        CreateDirectory(parent);
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(path);
        else
            Directory.CreateDirectory(path, OwnerOnly | UnixFileMode.UserExecute);
        SyncDirectory(parent);
    }

    /// <summary>Names in a directory survive a power loss only when the directory itself is synced (fsync(2)); NTFS journals them.</summary>
    public static void SyncDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
            return;
        var descriptor = Open(Encoding.UTF8.GetBytes(path + "\0"), 0);
        if (descriptor < 0)
            throw new IOException($"The directory '{path}' could not be opened for syncing (errno {Marshal.GetLastPInvokeError()}).");
        try
        {
            if (Sync(descriptor) != 0)
                throw new IOException($"The directory '{path}' could not be synced (errno {Marshal.GetLastPInvokeError()}).");
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern int Open(byte[] path, int flags);

    [DllImport("libc", EntryPoint = "link", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern int Link(byte[] existing, byte[] path);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern int Sync(int descriptor);

    [DllImport("libc", EntryPoint = "close")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern int Close(int descriptor);
}

using System.Runtime.InteropServices;
using System.Text;
using Halo.Releases.Handover;
using Microsoft.Win32.SafeHandles;

namespace Halo.Link.Updater.Files;

/// <summary>The directory in which the agent asks. It is the agent's, who could put anything there: links to other places, pipes, files that change. So the directory is opened once, nothing is followed, and nothing is read but plain files.</summary>
sealed class AgentFolder(string data)
{
    /// <summary>Where a request is read, once it is the updater's.</summary>
    const string Taken = "request.taken";

    const int NoFollow = 0x20000, NonBlocking = 0x800, CloseOnExec = 0x80000, DirectoryOnly = 0x10000, NoFollowArm = 0x8000, DirectoryOnlyArm = 0x4000;

    static int NoFollowFlag => RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? NoFollowArm : NoFollow;

    static int DirectoryFlag => RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? DirectoryOnlyArm : DirectoryOnly;

    string Folder => Path.Combine(data, UpdateRequest.DirectoryName);

    public bool HasRequest => File.Exists(Path.Combine(Folder, UpdateRequest.FileName));

    /// <summary>Takes the request away and reads it. So none is answered twice, and none can bring the updater down again and again.</summary>
    /// <remarks>It is renamed before it is read: one that arrives meanwhile keeps its name and is taken next, and is not removed unread.</remarks>
    /// <returns>Null: there is none, or it is in no form that can be read.</returns>
    /// <exception cref="IOException">It is there and cannot be taken away.</exception>
    public UpdateRequest? Take()
    {
        using var folder = OpenFolder();
        if (folder is null)
            return null;
        Remove(folder, Taken);
        if (!Rename(folder, UpdateRequest.FileName, Taken))
            return null;
        byte[]? content = null;
        using (var file = Open(folder, Taken, UpdateRequest.Longest))
        {
            if (file is not null)
            {
                using var copy = new MemoryStream();
                file.CopyTo(copy);
                content = copy.ToArray();
            }
        }
        Remove(folder, Taken);
        if (content is not null && UpdateRequest.Parse(content) is { } request)
            return request;
        Journal.Write("The agent's request is in no form that can be read; it was removed.");
        return null;
    }

    /// <summary>Opens a bundle and takes its name away: what is open stays until it is closed.</summary>
    /// <returns>Null: there is none, it is no plain file, or it is too long.</returns>
    public Stream? TakeBundle(string name, long longest)
    {
        using var folder = OpenFolder();
        if (folder is null)
            return null;
        var file = Open(folder, name, longest);
        Remove(folder, name);
        return file;
    }

    SafeFileHandle? OpenFolder() => OpenAt(Folder, DirectoryFlag);

    static FileStream? Open(SafeFileHandle folder, string name, long longest)
    {
        if (OpenAt(PathIn(folder, name), NonBlocking) is not { } handle)
            return null;
        try
        {
            // A pipe or device has no length and throws.
            if (!File.GetAttributes(handle).HasFlag(FileAttributes.Directory) && RandomAccess.GetLength(handle) <= longest)
                return new FileStream(handle, FileAccess.Read);
        }
        catch (Exception e) when (e is NotSupportedException or IOException or UnauthorizedAccessException)
        {
            // No plain file.
        }
        handle.Dispose();
        return null;
    }

    static void Remove(SafeFileHandle folder, string name)
    {
        var path = PathIn(folder, name);
        if (Directory.Exists(path) && new DirectoryInfo(path).LinkTarget is null)
            Directory.Delete(path);
        else
            File.Delete(path);
    }

    /// <returns>False: there is none of that name.</returns>
    static bool Rename(SafeFileHandle folder, string from, string to)
    {
        const int NoSuchFile = 2;
        if (Rename(Terminated(PathIn(folder, from)), Terminated(PathIn(folder, to))) == 0)
            return true;
        return Marshal.GetLastPInvokeError() == NoSuchFile ? false : throw new IOException($"The agent's request cannot be taken: {Marshal.GetLastPInvokeErrorMessage()}.");
    }

    /// <summary>In the directory that was opened, whatever its name leads to meanwhile.</summary>
    static string PathIn(SafeFileHandle folder, string name) => $"/proc/self/fd/{folder.DangerousGetHandle()}/{name}";

    static SafeFileHandle? OpenAt(string path, int flags)
    {
        var descriptor = Open(Terminated(path), flags | NoFollowFlag | CloseOnExec);
        return descriptor < 0 ? null : new(descriptor, ownsHandle: true);
    }

    static byte[] Terminated(string path) => Encoding.UTF8.GetBytes(path + "\0");

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern int Open(byte[] path, int flags);

    [DllImport("libc", EntryPoint = "rename", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern int Rename(byte[] from, byte[] to);
}

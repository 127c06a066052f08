namespace Halo.Link;

/// <summary>Files and folders that are the agent's alone from their first moment, whatever the umask. On Windows the data directory's rights are inherited.</summary>
static class OwnFiles
{
    const UnixFileMode File = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    const UnixFileMode Folder = File | UnixFileMode.UserExecute;

    /// <summary>Opens a file, unbuffered; one that is made thereby is for its owner's eyes alone.</summary>
    public static FileStream Open(string path, FileMode mode, FileAccess access)
    {
        var options = new FileStreamOptions { Mode = mode, Access = access, Share = FileShare.None, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = File;
        return new FileStream(path, options);
    }

    /// <summary>Makes a folder where there is none.</summary>
    public static void CreateFolder(string path)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(path);
        else
            Directory.CreateDirectory(path, Folder);
    }
}

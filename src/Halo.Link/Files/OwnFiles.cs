using Halo.Line;

namespace Halo.Link.Files;

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

    /// <summary>Whether others can read a file with the Link's secrets, and the command that mends it; null: they cannot.</summary>
    public static string? WarningFor(string file) => FileRights.WarningFor(file, "what lets one into the practice's database or the Halo API");
}

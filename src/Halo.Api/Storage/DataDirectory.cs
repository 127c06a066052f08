namespace Halo.Api.Storage;

/// <summary>Where the service keeps its files. Made at start, readable by the service's account alone.</summary>
public sealed class DataDirectory
{
    DataDirectory(string path) => Path = path;

    /// <summary>Absolute.</summary>
    public string Path { get; }

    /// <summary>Path of a file in it.</summary>
    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Makes the directory where it is missing and tries whether it can be written.</summary>
    /// <exception cref="StartupException">It cannot be made or written; the message names the directory and the remedy.</exception>
    public static DataDirectory Prepare(string path)
    {
        var full = System.IO.Path.GetFullPath(path);
        try
        {
            if (!Directory.Exists(full))
            {
                if (OperatingSystem.IsWindows())
                    Directory.CreateDirectory(full);
                else
                    Directory.CreateDirectory(full, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }
            var probe = System.IO.Path.Combine(full, $".probe-{Environment.ProcessId}");
            using (new FileStream(probe, FileMode.Create, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose))
                return new(full);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartupException(
                $"The data directory '{full}' cannot be written ({e.Message}). Give the account '{Environment.UserName}' write access to it, "
                + "or name another directory in the setting Halo:DataDirectory.", e);
        }
    }
}

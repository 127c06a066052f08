using Halo.Api.Basics;

namespace Halo.Api.Storage;

/// <summary>Where the service keeps its files. Made at start, readable by the service's account alone.</summary>
sealed class DataDirectory
{
    DataDirectory(string path) => Path = path;

    /// <summary>Absolute.</summary>
    public string Path { get; }

    /// <summary>Path of a file in it.</summary>
    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Keeps every other process from serving, restoring or settling what is in it, until disposed.</summary>
    /// <exception cref="StartupException">Another process has it.</exception>
    public IDisposable Hold()
    {
        var file = File("lock");
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None };
            if (!OperatingSystem.IsWindows())
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            return new FileStream(file, options);
        }
        catch (IOException e)
        {
            throw new StartupException($"The data directory '{Path}' is in use by another halo-api ({e.Message}). Stop that one first, or name another directory in Halo:DataDirectory.", e);
        }
    }

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

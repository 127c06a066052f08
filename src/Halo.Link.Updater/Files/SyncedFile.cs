namespace Halo.Link.Updater.Files;

/// <summary>A new file that is on the disk when it is closed, with rights that do not depend on the umask.</summary>
sealed class SyncedFile : FileStream
{
    public SyncedFile(string path, UnixFileMode mode)
        : base(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None }) => File.SetUnixFileMode(SafeFileHandle, mode);

    protected override void Dispose(bool disposing)
    {
        if (disposing && CanWrite)
            Flush(flushToDisk: true);
        base.Dispose(disposing);
    }
}

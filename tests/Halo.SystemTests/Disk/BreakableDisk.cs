using static Halo.SystemTests.Disk.SmallDisk;

namespace Halo.SystemTests.Disk;

/// <summary>A directory on an ext4 of its own, which the kernel can be made to take for broken: then it is read-only under all who have it open, as a dying disk is.</summary>
sealed class BreakableDisk : IDisposable
{
    readonly string _path;
    readonly string _image;

    BreakableDisk(string path, string image) => (_path, _image) = (path, image);

    /// <summary>Mounts it; skips the test where that is not allowed.</summary>
    public static BreakableDisk Mount(string path)
    {
        Directory.CreateDirectory(path);
        var disk = new BreakableDisk(path, path + ".disk");
        using (var image = new FileStream(disk._image, FileMode.CreateNew))
            image.SetLength(64 * 1024 * 1024);
        var made = OperatingSystem.IsLinux() && Run("mkfs.ext4", "-q", disk._image) && disk.Mount();
        Assert.SkipUnless(made && File.Exists(disk.Trigger), "An ext4 cannot be made, mounted and broken here: run it as root on Linux, with loop devices and mkfs.ext4.");
        return disk;
    }

    /// <summary>As the kernel does when it finds an ext4 damaged.</summary>
    public void Break()
    {
        File.WriteAllText(Trigger, "a test");
        Assert.ThrowsAny<IOException>(() => File.WriteAllText(Path.Combine(_path, "probe"), ""));
    }

    /// <summary>Writable again; nobody may use it meanwhile.</summary>
    public void Mend()
    {
        Assert.True(Run("umount", _path));
        Assert.True(Mount());
    }

    public void Dispose()
    {
        if (!Run("umount", _path))
            Run("umount", "-l", _path);
        File.Delete(_image);
    }

    string Trigger => $"/sys/fs/ext4/{Path.GetFileName(Read("findmnt", "-n", "-o", "SOURCE", _path))}/trigger_fs_error";

    bool Mount() => Run("mount", "-o", "loop,errors=remount-ro", _image, _path);
}

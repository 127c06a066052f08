using System.Diagnostics;
using System.Globalization;

namespace Halo.Soak.World;

/// <summary>A disk of its own for one directory, in memory, which can be full at once. It takes root on Linux.</summary>
sealed class SmallDisk(string path)
{
    const long WholeBytes = 3L << 30;

    /// <summary>Mounts it; null where that is not allowed.</summary>
    public static async Task<SmallDisk?> MountAsync(string path)
    {
        if (!OperatingSystem.IsLinux() || Environment.UserName != "root")
            return null;
        Directory.CreateDirectory(path);
        return await RunAsync("mount", "-t", "tmpfs", "-o", $"mode=0700,size={WholeBytes}", "tmpfs", path) ? new(path) : null;
    }

    /// <summary>Not a byte is free for so long, but for what its users delete.</summary>
    public async Task FillAsync(TimeSpan duration)
    {
        var drive = new DriveInfo(path);
        // What is used grows while this is asked, and a size below it is refused.
        while (!await ResizeAsync(drive.TotalSize - drive.AvailableFreeSpace + Environment.SystemPageSize))
            await Task.Delay(5);
        await Task.Delay(duration);
        if (!await ResizeAsync(WholeBytes))
            throw new InvalidOperationException($"The disk at {path} stays full.");
    }

    /// <summary>Takes it away, whoever still uses it.</summary>
    public Task UnmountAsync() => RunAsync("umount", "-l", path);

    Task<bool> ResizeAsync(long bytes) => RunAsync("mount", "-o", string.Create(CultureInfo.InvariantCulture, $"remount,size={bytes}"), path);

    static async Task<bool> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0;
    }
}

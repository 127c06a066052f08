using System.Diagnostics;

namespace Halo.SystemTests.Packages;

/// <summary>This machine's own Debian as a root file system that may be changed: what is written goes into memory, and all of it is gone at the end. Its network is this machine's.</summary>
sealed class DebianRoot : IAsyncDisposable
{
    readonly string _directory;
    readonly Process _holder;

    DebianRoot(string directory, Process holder) => (_directory, _holder) = (directory, holder);

    string Root => Path.Combine(_directory, "merged");

    /// <summary>Why there can be none here; null: there can.</summary>
    public static string? Missing =>
        !OperatingSystem.IsLinux() || !File.Exists("/etc/debian_version") ? "Needs Debian or Ubuntu: packages are installed into a copy of the system that lies over it."
        : !Environment.IsPrivilegedProcess ? "Needs root: sudo ./test"
        : ((string[])["/usr/bin/unshare", "/usr/bin/nsenter", "/usr/sbin/chroot", "/usr/bin/dpkg-deb", "/usr/sbin/adduser"]).FirstOrDefault(p => !File.Exists(p)) is { } program
            ? $"Needs {program} (Debian: util-linux, coreutils, dpkg, adduser)."
        : null;

    /// <returns>Null: this kernel lays no file systems over one another for this process.</returns>
    public static async Task<DebianRoot?> CreateAsync()
    {
        var directory = Directory.CreateTempSubdirectory("halo-root-").FullName;
        var script = $"""
            set -e
            mount -t tmpfs none '{directory}'
            mkdir '{directory}/upper' '{directory}/work' '{directory}/merged'
            mount -t overlay overlay -o 'lowerdir=/,upperdir={directory}/upper,workdir={directory}/work' '{directory}/merged'
            mount -t proc proc '{directory}/merged/proc'
            mount --rbind /dev '{directory}/merged/dev'
            echo ready
            # Until its input ends.
            cat
            """;
        var holder = Process.Start(new ProcessStartInfo("unshare", ["--mount", "--propagation", "private", "sh", "-c", script]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        if (await holder.StandardOutput.ReadLineAsync() == "ready")
            return new(directory, holder);
        await holder.WaitForExitAsync();
        holder.Dispose();
        Directory.Delete(directory, recursive: true);
        return null;
    }

    /// <summary>Copies a file of this machine in.</summary>
    public Task<(int ExitCode, string Output)> CopyInAsync(string file, string path) => RunHereAsync($"cp '{file}' '{Root}{path}'");

    /// <summary>Runs a shell command as root in it.</summary>
    /// <param name="input">Its standard input.</param>
    public Task<(int ExitCode, string Output)> RunAsync(string command, string? input = null) =>
        RunAsync(["chroot", Root, "sh", "-c", command], input);

    /// <summary>Starts a shell command that goes on.</summary>
    public Process Start(string command) => Process.Start(new ProcessStartInfo("nsenter", [$"--mount=/proc/{_holder.Id}/ns/mnt", "chroot", Root, "sh", "-c", $"exec {command}"]))!;

    public async ValueTask DisposeAsync()
    {
        _holder.StandardInput.Close();
        await _holder.WaitForExitAsync();
        _holder.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    Task<(int, string)> RunHereAsync(string command) => RunAsync(["sh", "-c", command], null);

    async Task<(int, string)> RunAsync(string[] command, string? input)
    {
        using var process = Process.Start(new ProcessStartInfo("nsenter", [$"--mount=/proc/{_holder.Id}/ns/mnt", .. command])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        var output = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode, string.Concat(output));
    }
}

using System.Diagnostics;
using System.Net.Sockets;

namespace Halo.Testing;

/// <summary>A real PgBouncer before a <see cref="PostgresServer"/>, on a free loopback port, gone when disposed.</summary>
public sealed class PgBouncer : IAsyncDisposable
{
    static readonly string[] Places = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer", "/opt/homebrew/bin/pgbouncer"];
    readonly string _directory;
    readonly Process _process;

    PgBouncer(string directory, Process process, int port) => (_directory, _process, Port) = (directory, process, port);

    /// <summary>Why there is none here and how to get it; null where there is one.</summary>
    public static string? Missing { get; } = Places.Any(File.Exists)
        ? null
        : "PgBouncer was not found: install Debian's pgbouncer (./test does it where it may).";

    public int Port { get; }

    /// <param name="settings">Of the section <c>pgbouncer</c>, as <c>pool_mode = session</c>, each.</param>
    public static async Task<PgBouncer> StartAsync(PostgresServer server, params string[] settings)
    {
        var directory = Directory.CreateTempSubdirectory("halo-pgbouncer-").FullName;
        var port = PostgresServer.FreePort();
        var file = Path.Combine(directory, "pgbouncer.ini");
        await File.WriteAllLinesAsync(Path.Combine(directory, "users.txt"), ["\"postgres\" \"\""]);
        await File.WriteAllLinesAsync(file,
        [
            "[databases]", $"* = host=127.0.0.1 port={server.Port}",
            "[pgbouncer]", "listen_addr = 127.0.0.1", $"listen_port = {port}", "unix_socket_dir =", "auth_type = trust",
            $"auth_file = {Path.Combine(directory, "users.txt")}", $"logfile = {Path.Combine(directory, "log")}", .. settings,
        ]);
        var program = Places.First(File.Exists);
        var start = new ProcessStartInfo { UseShellExecute = false, WorkingDirectory = "/", RedirectStandardError = true, RedirectStandardOutput = true };
        if (Environment.UserName == "root")
        {
            using (var owner = Process.Start("chown", ["-R", "postgres", directory]))
                await owner.WaitForExitAsync();
            start.FileName = "runuser";
            foreach (var argument in (string[])["-u", "postgres", "--", program, file])
                start.ArgumentList.Add(argument);
        }
        else
        {
            start.FileName = program;
            start.ArgumentList.Add(file);
        }
        var process = Process.Start(start)!;
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        var bouncer = new PgBouncer(directory, process, port);
        await Eventually.BecomesAsync(bouncer.ListensAsync, listens => listens);
        return bouncer;
    }

    /// <summary>A connection string of the server's that leads through it.</summary>
    public string Before(string connectionString) => $"{connectionString};Port={Port}";

    public async ValueTask DisposeAsync()
    {
        // runuser hands a SIGTERM on.
        _ = Processes.Signals.Send(_process.Id, 15);
        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    async Task<bool> ListensAsync()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync("127.0.0.1", Port);
            return true;
        }
        catch (SocketException)
        {
            return _process.HasExited ? throw new InvalidOperationException($"PgBouncer ended with exit code {_process.ExitCode}.") : false;
        }
    }
}

using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Halo.Testing.Processes;
using Npgsql;

namespace Halo.Testing;

/// <summary>A real PostgreSQL of the tests' own: a new cluster in a temporary directory on a free loopback port, gone when disposed.</summary>
/// <remarks>A server refuses to run as root, so root starts it as the user <c>postgres</c>.</remarks>
public sealed class PostgresServer : IAsyncDisposable
{
    readonly string _directory;
    readonly string _binaries;
    int _databases;

    PostgresServer(string directory, string binaries, int port)
    {
        _directory = directory;
        _binaries = binaries;
        Port = port;
    }

    /// <summary>The loopback port it listens on.</summary>
    public int Port { get; }

    /// <summary>Why there is none here and how to get it; null where there is one.</summary>
    public static string? Missing { get; } = FindBinaries() is null
        ? "PostgreSQL's server programs were not found: install Debian's postgresql (./test does it where it may), or put initdb and pg_ctl on the PATH."
        : null;

    /// <summary>Connects to the database <paramref name="database"/>.</summary>
    public string ConnectionString(string database = "postgres") =>
        $"Host=127.0.0.1;Port={Port};Username=postgres;Database={database};Include Error Detail=true";

    /// <summary>Makes a new cluster and starts it. Durability is PostgreSQL's default unless the tests say otherwise.</summary>
    /// <param name="settings">As <c>fsync=off</c>, each.</param>
    public static async Task<PostgresServer> StartAsync(params string[] settings)
    {
        var binaries = FindBinaries() ?? throw new InvalidOperationException(Missing);
        var directory = Directory.CreateTempSubdirectory("halo-pg-").FullName;
        if (Environment.UserName == "root")
            await RunAsync("chown", "postgres", directory);
        var server = new PostgresServer(directory, binaries, FreePort());
        var data = Path.Combine(directory, "data");
        await server.RunAsServerUserAsync("initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync");
        string[] all =
        [
            $"port={server.Port}", "listen_addresses=127.0.0.1", $"unix_socket_directories={directory}",
            "max_connections=200", "log_min_messages=fatal", .. settings,
        ];
        await server.RunAsServerUserAsync("pg_ctl", "-D", data, "-w", "-t", "60", "-l", Path.Combine(directory, "log"),
            "-o", string.Join(' ', all.Select(s => $"-c {s}")), "start");
        return server;
    }

    /// <summary>Makes an empty database and returns its connection string.</summary>
    public async Task<string> CreateDatabaseAsync()
    {
        var name = $"t{Interlocked.Increment(ref _databases)}_{Guid.NewGuid():N}";
        await using var connection = new NpgsqlConnection(ConnectionString());
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"CREATE DATABASE {name}", connection);
        await command.ExecuteNonQueryAsync();
        return ConnectionString(name);
    }

    /// <summary>Stops it at once, as a crash would; <see cref="StartAgainAsync"/> brings it back with its data.</summary>
    public Task StopAsync() => RunAsServerUserAsync("pg_ctl", "-D", Path.Combine(_directory, "data"), "-m", "immediate", "-w", "stop");

    /// <summary>SIGKILL to every one of its processes: what was not on the disk is gone.</summary>
    public async Task KillAsync()
    {
        // First it shall have no more children.
        _ = Signals.Send(OwnId, Signals.Stop);
        var all = Processes();
        foreach (var id in all)
            _ = Signals.Send(id, Signals.Kill);
        await Eventually.BecomesAsync(() => Task.FromResult(all.Count(Signals.Exists)), left => left == 0);
        // Where nobody takes dead processes away, the next server would think that this one still runs.
        File.Delete(PidFile);
        File.Delete(Path.Combine(_directory, $".s.PGSQL.{Port}.lock"));
    }

    /// <summary>SIGSTOP: its connections stay, and nothing is answered.</summary>
    public void Freeze()
    {
        foreach (var id in Processes())
            _ = Signals.Send(id, Signals.Stop);
    }

    /// <summary>SIGCONT after <see cref="Freeze"/>.</summary>
    public void Thaw()
    {
        foreach (var id in Processes())
            _ = Signals.Send(id, Signals.Continue);
    }

    /// <summary>The server's own process and those of its connections.</summary>
    List<int> Processes() => [OwnId, .. Signals.ChildrenOf(OwnId)];

    string PidFile => Path.Combine(_directory, "data", "postmaster.pid");

    int OwnId => int.Parse(File.ReadLines(PidFile).First(), System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Starts it again after <see cref="StopAsync"/> or <see cref="KillAsync"/>, on the same port.</summary>
    public Task StartAgainAsync() => RunAsServerUserAsync("pg_ctl", "-D", Path.Combine(_directory, "data"), "-w", "-t", "60",
        "-l", Path.Combine(_directory, "log"), "-o",
        $"-c port={Port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={_directory} -c max_connections=200", "start");

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        try
        {
            await StopAsync();
        }
        catch (InvalidOperationException)
        {
            // Stopped already by the test.
        }
        Directory.Delete(_directory, recursive: true);
    }

    /// <summary>A loopback port that is free at this moment.</summary>
    public static int FreePort()
    {
        while (true)
        {
            var port = Random.Shared.Next(FirstPort, EndOfPorts);
            if (!Given.TryAdd(port, 0))
                continue;
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException)
            {
                // Somebody else's.
            }
        }
    }

    // Below those that the system gives to connections: such a port may be taken by one before its server is up, even by the one that looks whether it is,
    // which then speaks to itself.
    const int FirstPort = 12_000, EndOfPorts = 32_000;

    /// <summary>By this process, each once.</summary>
    static readonly ConcurrentDictionary<int, byte> Given = new();

    Task RunAsServerUserAsync(string program, params string[] arguments)
    {
        var path = Path.Combine(_binaries, program);
        return Environment.UserName == "root"
            ? RunAsync("runuser", ["-u", "postgres", "--", path, .. arguments])
            : RunAsync(path, arguments);
    }

    static async Task RunAsync(string program, params string[] arguments)
    {
        // The server inherits these streams; they must not be pipes, or waiting for their end would wait for the server's.
        var start = new ProcessStartInfo("/bin/sh") { UseShellExecute = false, WorkingDirectory = "/" };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add("exec \"$@\" </dev/null >/dev/null 2>&1");
        start.ArgumentList.Add("sh");
        start.ArgumentList.Add(program);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{Path.GetFileName(program)} {string.Join(' ', arguments)} ended with exit code {process.ExitCode}.");
    }

    static string? FindBinaries()
    {
        var versions = Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql").OrderDescending().Select(d => Path.Combine(d, "bin"))
            : [];
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        return versions.Concat(path).FirstOrDefault(d => File.Exists(Path.Combine(d, "initdb")) && File.Exists(Path.Combine(d, "pg_ctl")));
    }
}

using System.Net.Sockets;
using Halo.Bench.Stands;
using Halo.Testing;
using Npgsql;

namespace Halo.Bench.References;

/// <summary>
/// What a user would set up instead of Halo: OpenSSH in the clinic dials out to sshd in the cloud and opens a port there that
/// leads back to the database (<c>ssh -R</c>). Both are children of the harness, on loopback, with keys of their own.
/// </summary>
sealed class SshTunnel : IAsyncDisposable
{
    public const string Name = "SSH tunnel";
    readonly string _directory;
    readonly Child _server;
    readonly Child _client;

    SshTunnel(string directory, Child server, Child client, int port) => (_directory, _server, _client, Port) = (directory, server, client, port);

    /// <summary>Why there can be none here; null where there can.</summary>
    public static string? Missing { get; } = Programs.Find("sshd") is null || Programs.Find("ssh") is null || Programs.Find("ssh-keygen") is null
        ? "OpenSSH's sshd was not found: figures through the tunnel are skipped. To get it: as root, apt-get install openssh-server."
        : null;

    /// <summary>Leads to the database.</summary>
    public int Port { get; }

    /// <summary>The connection string through the tunnel.</summary>
    public string Through(string connectionString) =>
        new NpgsqlConnectionStringBuilder(connectionString) { Port = Port }.ConnectionString;

    /// <param name="databasePort">The database's, in the clinic.</param>
    /// <param name="uplink">Where ssh dials, given sshd's port; null: straight to it.</param>
    /// <param name="compressed"><c>ssh -C</c>.</param>
    public static async Task<SshTunnel> StartAsync(int databasePort, Func<int, Uri>? uplink = null, bool compressed = false)
    {
        var directory = Directory.CreateTempSubdirectory("halo-ssh-").FullName;
        string host = Path.Combine(directory, "host"), user = Path.Combine(directory, "user");
        foreach (var key in (string[])[host, user])
            await Child.RunAsync(Programs.Find("ssh-keygen")!, "-q", "-t", "ed25519", "-N", "", "-f", key);
        var port = PostgresServer.FreePort();
        var configuration = Path.Combine(directory, "sshd_config");
        await File.WriteAllTextAsync(configuration, $"""
            Port {port}
            ListenAddress 127.0.0.1
            HostKey {host}
            AuthorizedKeysFile {user}.pub
            PidFile none
            StrictModes no
            UsePAM no
            PasswordAuthentication no
            PermitRootLogin prohibit-password
            AllowTcpForwarding yes
            """);
        // Where sshd as root gives up its rights.
        if (Environment.UserName == "root")
            Directory.CreateDirectory("/run/sshd");
        var server = new Child(Programs.Find("sshd")!, ["-D", "-e", "-f", configuration]);
        await WhenOpenAsync(port, server);
        var forwarded = PostgresServer.FreePort();
        var dialled = uplink?.Invoke(port).Port ?? port;
        var client = new Child(Programs.Find("ssh")!,
        [
            "-N", "-F", "none", "-i", user, "-p", $"{dialled}", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
            "-o", "ExitOnForwardFailure=yes", "-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR", "-o", $"Compression={(compressed ? "yes" : "no")}",
            "-R", $"127.0.0.1:{forwarded}:127.0.0.1:{databasePort}", $"{Environment.UserName}@127.0.0.1",
        ]);
        var tunnel = new SshTunnel(directory, server, client, forwarded);
        try
        {
            await WhenOpenAsync(forwarded, client);
        }
        catch
        {
            await tunnel.DisposeAsync();
            throw;
        }
        return tunnel;
    }

    public async ValueTask DisposeAsync()
    {
        await _client.DisposeAsync();
        await _server.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    static async Task WhenOpenAsync(int port, Child child) => await Eventually.BecomesAsync(async () =>
    {
        if (child.HasExited)
            throw new InvalidOperationException($"The tunnel could not be opened: {child.Errors}");
        try
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync("127.0.0.1", port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }, open => open);
}

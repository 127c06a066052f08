using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Halo.Api.Tests.Hosting;
using Halo.LinkProtocol.Enrolment;
using Halo.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Halo.Api.Tests.Errors;

/// <summary>Senders that are gone in the middle of a body, as lines in the field break: nobody is there to be told, and nothing of it is a fault of the service.</summary>
public sealed class BrokenBodiesTests(BrokenBodiesTests.TlsHost one) : IClassFixture<BrokenBodiesTests.TlsHost>
{
    static readonly string[] Routes = ["token", "enrol", "admin", "immediate", "page"];

    public static TheoryData<string, BodyEnd> Ends => [.. from route in Routes from end in Enum.GetValues<BodyEnd>() select (route, end)];

    [Theory, MemberData(nameof(Ends))]
    public async Task A_body_whose_sender_is_gone_is_no_fault_of_the_service(string route, BodyEnd end)
    {
        var head = await HeadAsync(route);
        one.Log.Begin();
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, end is BodyEnd.Finished or BodyEnd.Reset ? one.Host.Address.Port : one.TlsPort);
        await using var plain = new NetworkStream(socket);
        await using var line = end is BodyEnd.Finished or BodyEnd.Reset ? (Stream)plain : await EncryptAsync(plain);
        // What is asked for is said once the server waits for the rest.
        await line.WriteAsync(Encoding.ASCII.GetBytes(head + "Host: h\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n{\"a=1"));
        await ReadAsync(line, "100 Continue");

        switch (end)
        {
            case BodyEnd.Finished or BodyEnd.FinishedUnderTls:
                socket.Shutdown(SocketShutdown.Send);
                break;
            case BodyEnd.Reset or BodyEnd.ResetUnderTls:
                socket.LingerState = new(true, 0);
                socket.Close();
                break;
            case BodyEnd.Damaged:
                await plain.WriteAsync(new byte[] { 0x17, 0x03, 0x03, 0x00, 0x20 }.Concat(new byte[32]).ToArray());
                break;
        }

        await Until.TrueAsync(() => Task.FromResult(one.Log.Stopped > 0));
        Assert.Equal("", one.Log.Warnings);
    }

    async Task<string> HeadAsync(string route)
    {
        if (route != "page")
        {
            return route switch
            {
                "token" => "POST /link/v1/token HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n",
                "enrol" => "POST /link/v1/enrol HTTP/1.1\r\nContent-Type: application/json\r\n",
                "admin" => $"POST /admin/v1/integrators HTTP/1.1\r\nHalo-Admin-Key: {ApiHost.AdminKey}\r\nContent-Type: application/json\r\n",
                _ => $"POST {one.Site.Path}/immediate HTTP/1.1\r\nOcp-Apim-Subscription-Key: {one.Site.Key}\r\nContent-Type: application/json\r\n",
            };
        }
        var (_, claim) = await one.Site.QueueAndClaimAsync();
        var token = await one.Site.Link.TokenAsync();
        return $"PUT {LinkHttp.PagePath(claim.QueryId, 1)} HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Encoding: br\r\n"
            + $"Content-Digest: sha-256=:{Convert.ToBase64String(new byte[32])}:\r\n{LinkHttp.ClaimHeader}: {claim.ClaimId}\r\n{LinkHttp.RowsStartHeader}: 0\r\n{LinkHttp.RowsCountHeader}: 1\r\n{LinkHttp.SizeHeader}: 9\r\n";
    }

    static async Task<Stream> EncryptAsync(NetworkStream plain)
    {
        var line = new SslStream(plain, leaveInnerStreamOpen: false);
        await line.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "h", RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate?.Subject == "CN=Halo tests" });
        return line;
    }

    static async Task ReadAsync(Stream line, string words)
    {
        var read = new StringBuilder();
        var buffer = new byte[4096];
        using var limit = new CancellationTokenSource(Eventually.Limit);
        while (!read.ToString().Contains(words, StringComparison.Ordinal))
        {
            var count = await line.ReadAsync(buffer, limit.Token);
            Assert.True(count > 0, read.ToString());
            read.Append(Encoding.ASCII.GetString(buffer, 0, count));
        }
    }

    /// <summary>How the sender is gone.</summary>
    public enum BodyEnd
    {
        Finished,
        Reset,
        FinishedUnderTls,
        ResetUnderTls,
        Damaged,
    }

    /// <summary>A service that listens with and without TLS.</summary>
    public sealed class TlsHost : IAsyncLifetime
    {
        readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("halo-broken-");

        public int TlsPort { get; } = PostgresServer.FreePort();

        public ApiHost Host { get; private set; } = null!;

        public PairedSite Site { get; private set; } = null!;

        public HostLog Log { get; } = new();

        public async ValueTask InitializeAsync()
        {
            var certificate = Path.Combine(_folder.FullName, "tls.pfx");
            using (var key = ECDsa.Create(ECCurve.NamedCurves.nistP256))
            {
                var now = TimeProvider.System.GetUtcNow();
                using var own = new CertificateRequest("CN=Halo tests", key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddDays(-1), now.AddDays(2));
                await File.WriteAllBytesAsync(certificate, own.Export(X509ContentType.Pfx));
            }
            Host = await ApiHost.StartAsync(
                "Logging:LogLevel:Default=Warning", "Logging:LogLevel:Microsoft.AspNetCore.Server.Kestrel.Connections=Debug", "Logging:Console:LogLevel:Default=None",
                $"Kestrel:Endpoints:A:Url=http://127.0.0.1:{PostgresServer.FreePort()}", $"Kestrel:Endpoints:B:Url=https://127.0.0.1:{TlsPort}", $"Kestrel:Endpoints:B:Certificate:Path={certificate}");
            Site = await PairedSite.CreateAsync(Host);
            Host.Services.GetRequiredService<ILoggerFactory>().AddProvider(Log);
        }

        public async ValueTask DisposeAsync()
        {
            await Site.DisposeAsync();
            await Host.DisposeAsync();
            _folder.Delete(recursive: true);
        }
    }

    /// <summary>Warnings and worse, and how many connections have ended.</summary>
    public sealed class HostLog : ILoggerProvider, ILogger
    {
        readonly ConcurrentQueue<string> _warnings = new();
        int _stopped;

        public int Stopped => Volatile.Read(ref _stopped);

        public string Warnings => string.Join('\n', _warnings);

        public void Begin()
        {
            _warnings.Clear();
            Volatile.Write(ref _stopped, 0);
        }

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel >= LogLevel.Warning)
                _warnings.Enqueue($"{eventId} {formatter(state, exception)} {exception}");
            if (eventId.Name == "ConnectionStop")
                Interlocked.Increment(ref _stopped);
        }

        public void Dispose()
        {
        }
    }
}

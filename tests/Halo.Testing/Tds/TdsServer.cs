using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Halo.Testing.Tds;

/// <summary>What a request is answered with. It ends when the answer is whole; the last DONE is written for it.</summary>
public delegate Task TdsScript(TdsRequest request, TdsAnswer answer);

/// <summary>A server of the tests' own that speaks TDS 7.4 and executes nothing: a script says what each request is answered with.</summary>
/// <remarks>
/// Written from [MS-TDS]. It keeps what tests compare with: which requests and attentions came, and the effects that scripts counted,
/// those of a transaction with its commit.
/// </remarks>
public sealed class TdsServer : IAsyncDisposable
{
    readonly TcpListener _listener;
    readonly CancellationTokenSource _stop = new();
    readonly ConcurrentDictionary<TdsConnection, Task> _connections = new();
    readonly ConcurrentDictionary<string, int> _effects = new(StringComparer.Ordinal);
    readonly ConcurrentQueue<TdsRequest> _requests = new();
    readonly Task _accepting;
    TaskCompletionSource? _frozen;
    Exception? _fault;
    int _logins, _attentions, _running, _disposed;

    public TdsServer(TdsScript script, TdsServerOptions? options = null)
    {
        Options = options ?? new();
        Script = script;
        _listener = new TcpListener(Options.Address, Options.Port);
        _listener.Start(512);
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        if (Options.Tls)
            Certificate = MakeCertificate();
        _accepting = AcceptAsync();
    }

    public int Port { get; }

    /// <summary>Certificates, packets and logins.</summary>
    public TdsServerOptions Options { get; }

    /// <summary>Can be exchanged while it runs.</summary>
    public TdsScript Script { get; set; }

    /// <summary>Of its own making; null without TLS.</summary>
    public X509Certificate2? Certificate { get; }

    /// <summary>For a client that trusts any certificate.</summary>
    public string ConnectionString =>
        $"Server=tcp:127.0.0.1,{Port};Database=clinic;User Id=halo;Password=secret;Encrypt={(Options.Tls ? "Mandatory;TrustServerCertificate=true" : "Optional")};Connect Timeout=60";

    public int Logins => Volatile.Read(ref _logins);

    public int Attentions => Volatile.Read(ref _attentions);

    public int Connections => _connections.Count;

    /// <summary>What came, with what the Link asks for itself.</summary>
    public IReadOnlyList<TdsRequest> Requests => [.. _requests];

    /// <summary>What came for the script.</summary>
    public IEnumerable<TdsRequest> Scripted => _requests.Where(r => !TdsStandardAnswers.IsTheLinksOwn(r));

    /// <summary>How often something took effect.</summary>
    public int Effects(string name) => _effects.GetValueOrDefault(name);

    /// <summary>All of them.</summary>
    public IReadOnlyDictionary<string, int> AllEffects => _effects;

    /// <summary>Requests that scripts are at.</summary>
    public int Running => Volatile.Read(ref _running);

    /// <summary>As a stopped process: connections are taken by the system, and nothing is read or written.</summary>
    public void Freeze() => Interlocked.CompareExchange(ref _frozen, new(TaskCreationOptions.RunContinuationsAsynchronously), null);

    public void Thaw() => Interlocked.Exchange(ref _frozen, null)?.SetResult();

    /// <summary>Ends every connection, as a killed server does.</summary>
    public void DropAll()
    {
        foreach (var connection in _connections.Keys)
            connection.Drop();
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        await _stop.CancelAsync();
        _listener.Dispose();
        Thaw();
        DropAll();
        await _accepting;
        await Task.WhenAll(_connections.Values);
        Certificate?.Dispose();
        _stop.Dispose();
        if (_fault is { } fault)
            throw new InvalidOperationException("A script of the TDS server failed.", fault);
    }

    internal void Count(string name) => _effects.AddOrUpdate(name, 1, static (_, n) => n + 1);

    internal void CountLogin() => Interlocked.Increment(ref _logins);

    /// <summary>Told when the server is disposed of: a script's mistake must not look like a server's silence.</summary>
    internal void Fail(Exception fault) => _fault ??= fault;

    internal void Begin() => Interlocked.Increment(ref _running);

    internal void End() => Interlocked.Decrement(ref _running);

    internal void CountAttention() => Interlocked.Increment(ref _attentions);

    internal void Keep(TdsRequest request)
    {
        _requests.Enqueue(request);
        // A soak asks for hours: the last ones are enough.
        while (_requests.Count > 10_000)
            _requests.TryDequeue(out _);
    }

    internal Task Thawed() => Volatile.Read(ref _frozen)?.Task ?? Task.CompletedTask;

    async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var socket = await _listener.AcceptSocketAsync(_stop.Token);
                socket.NoDelay = true;
                var connection = new TdsConnection(this, socket, _stop.Token);
                var run = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                _connections[connection] = run.Task;
                _ = Task.Run(async () =>
                {
                    await connection.RunAsync();
                    _connections.TryRemove(connection, out _);
                    run.SetResult();
                });
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or InvalidOperationException)
            {
                // The server ends, or a client was gone before it was taken.
            }
        }
    }

    static X509Certificate2 MakeCertificate()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=SSL_Self_Signed_Fallback", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pfx), null);
    }
}

/// <summary>How a <see cref="TdsServer"/> speaks.</summary>
public sealed record TdsServerOptions
{
    /// <summary>Of the loopback network.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>0: any free one.</summary>
    public int Port { get; init; }

    /// <summary>Everything after the pre-login goes through TLS 1.2, with a certificate of its own making.</summary>
    public bool Tls { get; init; }

    /// <summary>It takes TLS 1.0 alone: so it answers whatever version the client offers.</summary>
    public bool OldTls { get; init; }

    /// <summary>Bytes of the next packet's body; null: what the client proposed.</summary>
    public Func<int>? PacketBytes { get; init; }

    /// <summary>After what of a client's the server says nothing more; can be changed while it runs.</summary>
    public TdsStep SilentAfter { get; set; }

    /// <summary>Refuses a login with number, severity and words; null: welcome.</summary>
    public Func<TdsLogin, (int Number, byte Severity, string Words)?> Refuse { get; init; } = _ => null;

    /// <summary>Answers who waits for locks of a session, by one column of numbers; else nobody does.</summary>
    public Action<TdsRequest, TdsAnswer> Blocking { get; init; } = (_, answer) => answer.Columns(TdsColumn.Int(""));

    /// <summary>The first right of the login beyond reading, as the Link asks for it under <c>readOnly</c>; empty: none.</summary>
    public string RightToWrite { get; init; } = "";
}

/// <summary>What a client sends before its first request.</summary>
public enum TdsStep
{
    None = 0,
    PreLogin,
    Login,
}

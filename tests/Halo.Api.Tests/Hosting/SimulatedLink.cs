using System.Buffers.Text;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Halo.Api.OpenApi;
using Halo.Api.Results.Formats;
using Halo.Api.Storage;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.Line;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Enrolment;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Halo.Testing;

namespace Halo.Api.Tests.Hosting;

/// <summary>A Link without a database: it speaks the real protocol over a real socket, and a test says what it answers.</summary>
public sealed class SimulatedLink(ApiHost host) : IAsyncDisposable
{
    ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    readonly Channel<(FrameKind Kind, Guid QueryId, byte[] Payload)> _frames = Channel.CreateUnbounded<(FrameKind, Guid, byte[])>();
    LineConnection? _line;
    Task _receiving = Task.CompletedTask;
    string? _token;

    public Guid LinkId { get; init; } = Guid.NewGuid();
    public Guid SiteId { get; init; } = Guid.NewGuid();
    public Guid RunId { get; set; } = Guid.NewGuid();
    public string PmsId { get; init; } = "12345";
    public string PmsName { get; init; } = "Best Practice";
    public string PracticeName { get; init; } = "Main Street Clinic";
    public string HostName { get; init; } = "server";
    public string MachineId { get; init; } = "machine-1";
    public string? DatabaseIdentity { get; init; } = "db-1";
    public string? PmsVersion { get; set; } = "1.12";

    /// <summary>What it runs.</summary>
    public string Version { get; set; } = "26.1122.1";

    /// <summary>What it was built for; null: it has no updater.</summary>
    public LinkPlatform? Platform { get; init; }

    /// <summary>A second site, where the Link has one.</summary>
    public Guid? SecondSiteId { get; set; }

    /// <summary>The same Link on a copy of its server: another run.</summary>
    /// <param name="other">The service that it calls, where that is another by now.</param>
    public SimulatedLink Clone(ApiHost? other = null) => new(other ?? host) { LinkId = LinkId, SiteId = SiteId, PmsId = PmsId, PmsName = PmsName, _key = ECDsa.Create(_key.ExportParameters(true)) };

    public LineConnection Line => _line ?? throw new InvalidOperationException("not connected");

    public SiteDescription Site => new(SiteId, "sqlite", PmsName, PmsId, [new SiteCatalogue("Patients", true), new SiteCatalogue("Images", false)])
    {
        PracticeName = PracticeName,
        PracticeManagementVersion = PmsVersion,
        DatabaseIdentity = DatabaseIdentity,
        Database = new DatabaseHealth(DatabaseStatus.Healthy),
    };

    /// <summary>So many further sites, made up.</summary>
    public int MoreSites { get; init; }

    IReadOnlyList<SiteDescription> Sites => MoreSites > 0
        ? [Site, .. Enumerable.Range(0, MoreSites).Select(i => Site with { Id = Guid.NewGuid(), PracticeManagementSiteId = $"{PmsId}-{i}" })]
        : SecondSiteId is { } second ? [Site, Site with { Id = second, PracticeManagementSiteId = PmsId + "-2" }] : [Site];

    /// <summary>Where it calls from, as a proxy before the service tells it; null: from here.</summary>
    public string? Address { get; init; }

    public async Task<HttpResponseMessage> EnrolAsync(string? token = null, string? nonce = null, ECDsa? signer = null, string? api = null)
    {
        var point = _key.ExportParameters(false).Q;
        var body = JsonSerializer.SerializeToUtf8Bytes(
            new EnrolRequest(LinkId, new PublicKeyJwk(Base64Url.EncodeToString(point.X), Base64Url.EncodeToString(point.Y)), Version, Sites)
            {
                MachineId = MachineId,
                EnrolmentToken = token,
                Api = api,
                Host = new HostFacts(HostName, "Windows Server 2025", 8),
            }, ProtocolJson.Default.EnrolRequest);
        nonce ??= await NonceAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, LinkHttp.EnrolPath) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Add(LinkHttp.NonceHeader, nonce);
        request.Headers.Add(LinkHttp.ProofHeader,
            Base64Url.EncodeToString((signer ?? _key).SignData(LinkHttp.ProofBytes(nonce, body), HashAlgorithmName.SHA256)));
        if (Address is not null)
        {
            request.Headers.Add("X-Forwarded-For", Address);
            request.Headers.Add("X-Forwarded-Proto", "https");
        }
        return await host.Client.SendAsync(request);
    }

    public async Task<string> NonceAsync()
    {
        using var response = await host.Client.PostAsync(LinkHttp.NoncePath, null);
        return (await response.Content.ReadFromJsonAsync(ProtocolJson.Default.NonceResponse))!.Nonce;
    }

    /// <summary>A signed assertion, by hand: what is tested is not tested by the library that checks it.</summary>
    public string Assertion(string nonce, string? audience = null, Guid? issuer = null)
    {
        var id = issuer ?? LinkId;
        var header = Encode("""{"alg":"ES256","typ":"JWT"}""");
        var claims = Encode($$"""{"iss":"{{id}}","sub":"{{id}}","aud":"{{audience ?? host.Address.ToString().TrimEnd('/')}}","nonce":"{{nonce}}"}""");
        var signature = _key.SignData(Encoding.ASCII.GetBytes($"{header}.{claims}"), HashAlgorithmName.SHA256);
        return $"{header}.{claims}.{Base64Url.EncodeToString(signature)}";

        static string Encode(string json) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json));
    }

    public Task<HttpResponseMessage> AskTokenAsync(string assertion) => host.Client.PostAsync(LinkHttp.TokenPath,
        new FormUrlEncodedContent([new("grant_type", LinkHttp.JwtBearerGrant), new("assertion", assertion)]));

    public async Task<string> TokenAsync()
    {
        using var response = await AskTokenAsync(Assertion(await NonceAsync()));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return (await response.Content.ReadFromJsonAsync(ProtocolJson.Default.TokenResponse))!.AccessToken;
    }

    /// <summary>Enrols and opens a session; returns when Welcome is there.</summary>
    public async Task<Welcome> StartAsync(string? token = null)
    {
        using var enrolled = await EnrolAsync(token);
        Assert.Equal(HttpStatusCode.Created, enrolled.StatusCode);
        return await ConnectAsync();
    }

    /// <summary>Opens a session of the present run.</summary>
    public async Task<Welcome> ConnectAsync(Hello? hello = null)
    {
        await OpenAsync();
        await Line.SendAsync(FrameKind.Hello, Guid.Empty, hello ?? Hello(), ProtocolJson.Default.Hello);
        return Read((await ExpectAsync(FrameKind.Welcome)).Payload, ProtocolJson.Default.Welcome);
    }

    /// <summary>What it says that it can do.</summary>
    public IReadOnlyList<string> Capabilities { get; set; } = [];

    public Hello Hello() => new(RunId, Version, DateTimeOffset.UtcNow, Sites) { Capabilities = Capabilities, MachineId = MachineId, Platform = Platform, ConfiguredSites = [.. Sites.Select(s => s.Id)] };

    /// <summary>Says how it stands with updates.</summary>
    public async Task BeatAsync(UpdateStatus? update) => await Line.SendAsync(FrameKind.Heartbeat, Guid.Empty,
        new Heartbeat(DateTimeOffset.UtcNow, Version, 1, new(0, 0, 0, 0), [], null, 0) { Update = update }, ProtocolJson.Default.Heartbeat);

    /// <summary>A heartbeat that says something of its site's catalogues.</summary>
    public async Task BeatAsync(string schemaMark, Guid? site = null) => await Line.SendAsync(FrameKind.Heartbeat, Guid.Empty,
        new Heartbeat(DateTimeOffset.UtcNow, Version, 1, new(0, 0, 0, 0), [new(site ?? SiteId, new(DatabaseStatus.Healthy)) { SchemaMark = schemaMark }], null, 0), ProtocolJson.Default.Heartbeat);

    /// <summary>The next word on which version it should run.</summary>
    public async Task<UpdateTarget> ExpectTargetAsync() => Read((await ExpectAsync(FrameKind.UpdateTarget)).Payload, ProtocolJson.Default.UpdateTarget);

    /// <summary>The same, however long it takes.</summary>
    public async Task<UpdateTarget> NextTargetAsync(CancellationToken stop)
    {
        while (true)
        {
            var frame = await _frames.Reader.ReadAsync(stop);
            if (frame.Kind == FrameKind.UpdateTarget)
                return Read(frame.Payload, ProtocolJson.Default.UpdateTarget);
        }
    }

    /// <summary>A call of it over HTTP, with its token.</summary>
    public async Task<HttpResponseMessage> GetAsync(string path, Action<HttpRequestMessage>? with = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Authorization = new("Bearer", await TokenAsync());
        with?.Invoke(request);
        return await host.Client.SendAsync(request);
    }

    /// <summary>Asks which version it should run, and for its turn besides, with the token that it has as long as that is good.</summary>
    /// <param name="version">For which it asks for its turn.</param>
    public async Task<UpdateTarget> AskUpdateAsync(string? turn = null, string? version = null)
    {
        while (true)
        {
            var isFresh = _token is null;
            _token ??= await TokenAsync();
            using var request = new HttpRequestMessage(HttpMethod.Get, turn is null ? LinkHttp.UpdatePath : $"{LinkHttp.UpdatePath}?turn={turn}&version={version}");
            request.Headers.Authorization = new("Bearer", _token);
            using var answer = await host.Client.SendAsync(request);
            if (answer.StatusCode == HttpStatusCode.Unauthorized && !isFresh)
            {
                _token = null;
                continue;
            }
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            return (await answer.Content.ReadFromJsonAsync(ProtocolJson.Default.UpdateTarget))!;
        }
    }

    /// <summary>Opens the socket and says nothing yet.</summary>
    public async Task OpenAsync()
    {
        var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol(ProtocolLimits.Subprotocol);
        socket.Options.SetRequestHeader("Authorization", $"Bearer {await TokenAsync()}");
        socket.Options.KeepAliveInterval = TimeSpan.Zero;
        using var handler = new SocketsHttpHandler();
        var address = new UriBuilder(host.Address) { Scheme = "ws", Path = LinkHttp.SocketPath }.Uri;
        _line = new LineConnection(socket, await CoalescingUpgradeHandler.ConnectAsync(socket, address, handler, TimeProvider.System, default), TimeProvider.System);
        _receiving = _line.ReceiveAsync(frame =>
        {
            _frames.Writer.TryWrite((frame.Kind, frame.QueryId, frame.Payload.ToArray()));
            return ValueTask.CompletedTask;
        });
    }

    /// <summary>The next frame of a kind; others before it are passed over.</summary>
    public Task<(FrameKind Kind, Guid QueryId, byte[] Payload)> ExpectAsync(FrameKind kind) => NextAsync(k => k == kind);

    /// <summary>The next frame of a wanted kind; others before it are passed over.</summary>
    public async Task<(FrameKind Kind, Guid QueryId, byte[] Payload)> NextAsync(Func<FrameKind, bool> wanted)
    {
        using var limit = new CancellationTokenSource(Eventually.Limit);
        while (true)
        {
            var frame = await _frames.Reader.ReadAsync(limit.Token);
            if (wanted(frame.Kind))
                return frame;
        }
    }

    public async Task<(Guid QueryId, Execute Message)> ExpectExecuteAsync()
    {
        var (_, id, payload) = await ExpectAsync(FrameKind.Execute);
        return (id, Read(payload, ProtocolJson.Default.Execute));
    }

    /// <summary>Answers an immediate query with rows.</summary>
    public async Task AnswerAsync(Guid queryId, string json, long rows)
    {
        await Line.SendAsync(FrameKind.Columns, queryId, new ResultHead([new ResultColumn("n", SqlType.Int, "INTEGER")]), ProtocolJson.Default.ResultHead);
        foreach (var piece in Encoding.UTF8.GetBytes(json).Chunk(7))
            await Line.SendAsync(FrameKind.Rows, queryId, piece);
        await TellAsync(queryId, new Outcome(Ending.Successful, Executed.Yes) { Rows = rows, Size = Encoding.UTF8.GetByteCount(json), ResultSets = 1 });
    }

    /// <summary>Answers an immediate query as a Link does whose result fits into one frame.</summary>
    public async Task AnswerWholeAsync(Guid queryId, string json, long rows)
    {
        var outcome = new Outcome(Ending.Successful, Executed.Yes)
        {
            Rows = rows,
            Size = Encoding.UTF8.GetByteCount(json),
            ResultSets = 1,
            Columns = [new ResultColumn("n", SqlType.Int, "INTEGER")],
        };
        var head = JsonSerializer.SerializeToUtf8Bytes(outcome, ProtocolJson.Default.Outcome);
        var payload = new byte[AnswerPayload.LengthBytes + head.Length + Encoding.UTF8.GetByteCount(json)];
        Encoding.UTF8.GetBytes(json, payload.AsSpan(AnswerPayload.WriteHead(payload, head)));
        await Line.SendAsync(FrameKind.Answer, queryId, payload);
    }

    public ValueTask<bool> TellAsync(Guid queryId, Outcome outcome) =>
        Line.SendAsync(FrameKind.Outcome, queryId, outcome, ProtocolJson.Default.Outcome);

    public async Task<IReadOnlyList<Claim>> ClaimAsync(int slots = 1)
    {
        await Line.SendAsync(FrameKind.ClaimRequest, Guid.Empty, new ClaimRequest(slots), ProtocolJson.Default.ClaimRequest);
        return Read((await ExpectAsync(FrameKind.Claims)).Payload, ProtocolJson.Default.Claims).Items;
    }

    public async Task<ReportAck> ReportAsync(Guid queryId, Report report)
    {
        await Line.SendAsync(FrameKind.Report, queryId, report, ProtocolJson.Default.Report);
        return Read((await ExpectAsync(FrameKind.ReportAck)).Payload, ProtocolJson.Default.ReportAck);
    }

    /// <summary>The line ends without a word.</summary>
    public async Task BreakAsync()
    {
        Line.Abort("test");
        await _receiving;
    }

    /// <summary>Says that its settings changed; returns when the service has judged.</summary>
    public async Task<SiteNotices> ChangeAsync(SiteChanges changes)
    {
        await Line.SendAsync(FrameKind.SiteChanges, Guid.Empty, changes, ProtocolJson.Default.SiteChanges);
        while (true)
        {
            var notices = Read((await ExpectAsync(FrameKind.SiteNotices)).Payload, ProtocolJson.Default.SiteNotices);
            if (notices.Answers == changes.Id)
                return notices;
        }
    }

    /// <summary>Renews the session's access over the open line.</summary>
    public async Task RenewAsync() => await Line.SendAsync(FrameKind.Renew, Guid.Empty, new Renew(await TokenAsync()), ProtocolJson.Default.Renew);

    /// <summary>Ends the session in order.</summary>
    public async Task LeaveAsync(string reason = LineCloseReason.LinkStopping)
    {
        await Line.CloseAsync(reason);
        await _receiving;
    }

    /// <summary>Waits until the other side has ended the line; tells why.</summary>
    public async Task<string?> EndAsync()
    {
        await _receiving.WaitAsync(TimeSpan.FromSeconds(30));
        return Line.CloseReason;
    }

    public async ValueTask DisposeAsync()
    {
        if (_line is not null)
        {
            await _line.CloseAsync(LineCloseReason.LinkStopping);
            _line.Abort(LineCloseReason.LinkStopping);
            await _receiving;
            await _line.DisposeAsync();
        }
        _key.Dispose();
    }

    static T Read<T>(byte[] payload, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type) => JsonSerializer.Deserialize(payload, type)!;
}

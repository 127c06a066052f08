using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json;
using System.Threading.Channels;
using Halo.Api.LinkSocket;
using Halo.Line;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Enrolment;
using Halo.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using HttpResults = Microsoft.AspNetCore.Http.Results;

namespace Halo.Link.Tests.Session;

/// <summary>
/// The API's half of the line, and no more of the API: real Kestrel and a real socket, without store or rules. It is here because the
/// Link may not reference Halo.Api, and since tests of the Link need an API that misbehaves on demand; the two real programs
/// meet in Halo.SystemTests.
/// </summary>
sealed class TestApi : IAsyncDisposable
{
    readonly WebApplication _app;
    readonly ConcurrentDictionary<string, bool> _nonces = new();
    readonly Channel<TestSession> _sessions = Channel.CreateUnbounded<TestSession>();
    ECDsa? _key;

    TestApi(WebApplication app) => _app = app;

    public string Address => _app.Urls.First();

    /// <summary>What each call to enrol answers, by its number from 1; null: 201.</summary>
    public Func<int, IResult?> OnEnrol { get; set; } = _ => null;

    /// <summary>What each call for a token answers, by its number from 1; null: a token.</summary>
    public Func<int, IResult?> OnToken { get; set; } = _ => null;

    /// <summary>What each call about registered queries answers.</summary>
    public Func<HttpContext, Task<IResult>> OnRegistered { get; set; } = _ => Task.FromResult(HttpResults.NotFound());

    /// <summary>The socket opens to no token.</summary>
    public bool RefusesTokens { get; set; }

    /// <summary>What the socket answers instead of opening, as a gateway that carries none; 0: it opens.</summary>
    public int SocketStatus { get; set; }

    /// <summary>How far its clock is ahead, as <c>Date</c> says it.</summary>
    public TimeSpan ClockShift { get; set; }

    public TimeSpan TokenLifetime { get; set; } = TimeSpan.FromMinutes(10);

    public ConcurrentQueue<EnrolRequest> Enrolments { get; } = new();

    public int EnrolCalls;
    public int TokenCalls;

    public static async Task<TestApi> StartAsync(int port = 0)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        var app = builder.Build();
        var api = new TestApi(app);
        app.Use((http, next) =>
        {
            if (api.ClockShift != TimeSpan.Zero)
                http.Response.Headers.Date = (TimeProvider.System.GetUtcNow() + api.ClockShift).ToString("R");
            return next(http);
        });
        app.Use(CoalescingUpgrade.OfferAsync);
        app.UseWebSockets();
        app.MapPost(LinkHttp.NoncePath, api.Nonce);
        app.MapPost(LinkHttp.EnrolPath, api.EnrolAsync);
        app.MapPost(LinkHttp.TokenPath, api.TokenAsync);
        app.Map(LinkHttp.SocketPath, api.SocketAsync);
        app.Map(LinkHttp.RegisteredPath + "/{**rest}", (Delegate)((HttpContext http) => api.OnRegistered(http)));
        await app.StartAsync();
        return api;
    }

    /// <summary>The next session that a Link opens.</summary>
    public async Task<TestSession> NextSessionAsync() => await _sessions.Reader.ReadAsync().AsTask().WaitAsync(Eventually.Limit);

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync(new CancellationToken(canceled: true));
        await _app.DisposeAsync();
        _key?.Dispose();
    }

    NonceResponse NewNonce()
    {
        var nonce = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        _nonces[nonce] = true;
        return new(nonce);
    }

    IResult Nonce() => HttpResults.Json(NewNonce(), ProtocolJson.Default.NonceResponse);

    async Task<IResult> EnrolAsync(HttpRequest request)
    {
        using var memory = new MemoryStream();
        await request.Body.CopyToAsync(memory);
        var body = memory.ToArray();
        var enrol = JsonSerializer.Deserialize(body, ProtocolJson.Default.EnrolRequest)!;
        var nonce = request.Headers[LinkHttp.NonceHeader].ToString();
        _key = ECDsa.Create(new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            Q = new() { X = Base64Url.DecodeFromChars(enrol.PublicKey.X), Y = Base64Url.DecodeFromChars(enrol.PublicKey.Y) },
        });
        var proof = Base64Url.DecodeFromChars(request.Headers[LinkHttp.ProofHeader].ToString());
        if (!_nonces.TryRemove(nonce, out _) || !_key.VerifyData(LinkHttp.ProofBytes(nonce, body), proof, HashAlgorithmName.SHA256))
            return Refuse(400, "The proof does not hold.");
        Enrolments.Enqueue(enrol);
        return OnEnrol(Interlocked.Increment(ref EnrolCalls))
            ?? HttpResults.Json(new EnrolResponse(enrol.LinkId, "enrolled", []), ProtocolJson.Default.EnrolResponse, statusCode: 201);
    }

    async Task<IResult> TokenAsync(HttpRequest request)
    {
        var form = await request.ReadFormAsync();
        if (form["grant_type"] != LinkHttp.JwtBearerGrant || _key is null)
            return Refuse(400, "Not such a grant.");
        var read = await new JsonWebTokenHandler().ValidateTokenAsync(form["assertion"], new()
        {
            IssuerSigningKey = new ECDsaSecurityKey(_key),
            ValidAudience = Address,
            ValidIssuer = Enrolments.Last().LinkId.ToString(),
            RequireExpirationTime = false,
            ValidateLifetime = false,
        });
        if (!read.IsValid || read.Claims["sub"] as string != Enrolments.Last().LinkId.ToString()
            || !_nonces.TryRemove((string)read.Claims[LinkHttp.NonceClaim], out _))
            return Refuse(401, "The assertion does not hold.");
        var call = Interlocked.Increment(ref TokenCalls);
        return OnToken(call) ?? HttpResults.Json(new TokenResponse($"token-{call}", "Bearer", (int)TokenLifetime.TotalSeconds), ProtocolJson.Default.TokenResponse);
    }

    async Task SocketAsync(HttpContext context)
    {
        if (SocketStatus != 0)
        {
            context.Response.StatusCode = SocketStatus;
            return;
        }
        if (RefusesTokens || !context.Request.Headers.Authorization.ToString().StartsWith("Bearer token-", StringComparison.Ordinal))
        {
            context.Response.StatusCode = 401;
            return;
        }
        using var socket = await context.WebSockets.AcceptWebSocketAsync(ProtocolLimits.Subprotocol);
        await using var line = new LineConnection(socket, CoalescingUpgrade.OutputOf(context), TimeProvider.System);
        var session = new TestSession(line, context.Request.Headers.Authorization.ToString());
        _sessions.Writer.TryWrite(session);
        await session.RunAsync();
    }

    public static IResult Refuse(int status, string message, string? code = null) =>
        HttpResults.Json(new { error = new { status, statusText = "x", message, code } }, statusCode: status);
}

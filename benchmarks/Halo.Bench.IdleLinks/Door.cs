using System.Buffers.Text;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Halo.Line;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Enrolment;
using Halo.LinkProtocol.Messages;

namespace Halo.Bench.IdleLinks;

/// <summary>The HTTP calls of a Link, over connections that the whole fleet shares.</summary>
sealed class Door(Uri api) : IDisposable
{
    // The harness's API has a certificate that nobody signed.
    readonly SocketsHttpHandler _handler = new()
    {
        MaxConnectionsPerServer = 64,
        SslOptions = { RemoteCertificateValidationCallback = static (_, _, _, _) => true },
    };

    HttpClient Http => field ??= new HttpClient(_handler, disposeHandler: false) { BaseAddress = api };

    readonly SocketsHttpHandler _sockets = new()
    {
        SslOptions = { RemoteCertificateValidationCallback = static (_, _, _, _) => true },
    };

    public async Task EnrolAsync(Guid linkId, ECDsa key, SiteDescription site)
    {
        var point = key.ExportParameters(false).Q;
        var body = JsonSerializer.SerializeToUtf8Bytes(new EnrolRequest(linkId,
            new PublicKeyJwk(Base64Url.EncodeToString(point.X), Base64Url.EncodeToString(point.Y)), "26.1122.1", [site])
        {
            MachineId = linkId.ToString(),
            Host = new HostFacts("bench", "Linux", 2),
        }, ProtocolJson.Default.EnrolRequest);
        var nonce = await NonceAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, LinkHttp.EnrolPath) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.Add(LinkHttp.NonceHeader, nonce);
        request.Headers.Add(LinkHttp.ProofHeader, Base64Url.EncodeToString(key.SignData(LinkHttp.ProofBytes(nonce, body), HashAlgorithmName.SHA256)));
        using var response = await Http.SendAsync(request);
        response.EnsureSuccessStatusCode();
    }

    public async Task<TokenResponse> TokenAsync(Guid linkId, ECDsa key)
    {
        var header = Encode("""{"alg":"ES256","typ":"JWT"}""");
        var claims = Encode($$"""{"iss":"{{linkId}}","sub":"{{linkId}}","aud":"{{api.ToString().TrimEnd('/')}}","nonce":"{{await NonceAsync()}}"}""");
        var signature = key.SignData(Encoding.ASCII.GetBytes($"{header}.{claims}"), HashAlgorithmName.SHA256);
        using var form = new FormUrlEncodedContent(
            [new("grant_type", LinkHttp.JwtBearerGrant), new("assertion", $"{header}.{claims}.{Base64Url.EncodeToString(signature)}")]);
        using var response = await Http.PostAsync(new Uri(LinkHttp.TokenPath, UriKind.Relative), form);
        response.EnsureSuccessStatusCode();
        return (await response.Content.ReadFromJsonAsync(ProtocolJson.Default.TokenResponse))!;

        static string Encode(string json) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json));
    }

    public async Task<(WebSocket Socket, CoalescingStream Output)> OpenAsync(string token)
    {
        var socket = new ClientWebSocket();
        try
        {
            socket.Options.AddSubProtocol(ProtocolLimits.Subprotocol);
            socket.Options.SetRequestHeader("Authorization", $"Bearer {token}");
            socket.Options.KeepAliveInterval = TimeSpan.Zero;
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            var address = new UriBuilder(api) { Scheme = api.Scheme == "https" ? "wss" : "ws", Path = LinkHttp.SocketPath }.Uri;
            return (socket, await CoalescingUpgradeHandler.ConnectAsync(socket, address, _sockets, TimeProvider.System, limit.Token));
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Http.Dispose();
        _sockets.Dispose();
        _handler.Dispose();
    }

    async Task<string> NonceAsync()
    {
        using var response = await Http.PostAsync(new Uri(LinkHttp.NoncePath, UriKind.Relative), null);
        response.EnsureSuccessStatusCode();
        return (await response.Content.ReadFromJsonAsync(ProtocolJson.Default.NonceResponse))!.Nonce;
    }
}

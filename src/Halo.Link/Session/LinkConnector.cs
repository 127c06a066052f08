using System.Globalization;
using System.Net;
using System.Net.WebSockets;
using Halo.Line;
using Halo.Link.Settings;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Enrolment;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Session;

/// <summary>Opens a session's socket: enrolled, with a token in hand, through the system's proxy.</summary>
public sealed class LinkConnector(
    Uri api, HttpMessageInvoker invoker, Enroller enroller, AccessTokens tokens, ConnectionSettings settings, TimeProvider time)
{
    /// <summary>An open line, before Hello; and what the API said of the sites where it was asked to enrol them.</summary>
    /// <exception cref="NotAdmittedException">Somebody has to put something right.</exception>
    public async Task<(LineConnection Line, IReadOnlyList<SiteNotice> Notices)> ConnectAsync(IReadOnlyList<SiteDescription> sites, CancellationToken stop)
    {
        var enrolled = await enroller.EnsureAsync(sites, stop);
        var token = await TokenAsync(justEnrolled: enrolled is not null, stop);
        return (await OpenAsync(token, stop), enrolled?.Sites ?? []);
    }

    async Task<string> TokenAsync(bool justEnrolled, CancellationToken stop)
    {
        try
        {
            if (justEnrolled)
                await tokens.WaitUntilKnownAsync(stop);
            return await tokens.GetAsync(stop);
        }
        catch (ApiRefusedException e) when (AccessTokens.IsRefusal(e))
        {
            enroller.Forget();
            throw new NotAdmittedException("token", $"The API does not trust this Link: {e.Message} The Link enrols again; "
                + "where that is refused too, ask the operator of the Halo API whether the Link was revoked.");
        }
    }

    async Task<LineConnection> OpenAsync(string token, CancellationToken stop)
    {
        using var tooLong = new CancellationTokenSource(settings.CallWithin, time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop, tooLong.Token);
        var socket = new ClientWebSocket();
        try
        {
            socket.Options.AddSubProtocol(ProtocolLimits.Subprotocol);
            socket.Options.SetRequestHeader("Authorization", $"Bearer {token}");
            socket.Options.CollectHttpResponseDetails = true;
            // The line asks for signs of life itself, both ways, and counts every byte as one.
            socket.Options.KeepAliveInterval = Timeout.InfiniteTimeSpan;
            await socket.ConnectAsync(SocketAddress(), invoker, limit.Token);
            return new(socket, time, new() { PingAfter = settings.PingAfter, DeadAfterPing = settings.DeadAfterPing });
        }
        catch (Exception e)
        {
            var status = socket.HttpStatusCode;
            socket.Dispose();
            if (status == HttpStatusCode.Unauthorized)
                tokens.Forget();
            if (status is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden)
                throw new NotAdmittedException("socket",
                    "The API refused the session. Where this goes on, ask its operator whether this Link was revoked.");
            if (e is OperationCanceledException && !stop.IsCancellationRequested)
                throw new HttpRequestException(string.Create(CultureInfo.InvariantCulture, $"The API did not open the session within {settings.CallWithin.TotalSeconds:0.#} seconds."));
            throw;
        }
    }

    Uri SocketAddress()
    {
        var address = new UriBuilder(LinkHttpClient.At(api, LinkHttp.SocketPath));
        address.Scheme = address.Scheme == "https" ? "wss" : "ws";
        return address.Uri;
    }
}

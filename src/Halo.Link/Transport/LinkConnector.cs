using System.Globalization;
using System.Net;
using System.Net.WebSockets;
using Halo.Line;
using Halo.Link.Settings;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Enrolment;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Transport;

/// <summary>Opens a session's socket: enrolled, with a token in hand, through the system's proxy.</summary>
sealed class LinkConnector(
    Uri api, HttpMessageHandler connections, Enroller enroller, AccessTokens tokens, ConnectionSettings settings, TimeProvider time)
{
    /// <summary>An open line, before Hello; and what the API said of the sites where it was asked to enrol them.</summary>
    /// <exception cref="NotAdmittedException">Somebody has to put something right.</exception>
    public async Task<(LineConnection Line, IReadOnlyList<SiteNotice> Notices)> ConnectAsync(IReadOnlyList<SiteDescription> sites, CancellationToken stop)
    {
        EnrolResponse? enrolled;
        try
        {
            enrolled = await enroller.EnsureAsync(sites, stop);
        }
        catch (Exception e) when (e is NotAdmittedException or ApiRefusedException && enroller.KnowsOneOf(sites))
        {
            // A new site is refused: those that the API knows are not cut off for it. Whether it still admits the Link its token says.
            if (!await HasTokenAsync(stop))
                throw;
            enrolled = null;
        }
        if (enrolled is null && !await HasTokenAsync(stop))
        {
            // Unknown there, waiting, or revoked: an enrolment says which, in words for people.
            enroller.Forget();
            enrolled = await enroller.EnsureAsync(sites, stop);
        }
        var token = await TokenAsync(justEnrolled: enrolled is not null, stop);
        return (await OpenAsync(token, stop), enrolled?.Sites ?? []);
    }

    async Task<bool> HasTokenAsync(CancellationToken stop)
    {
        try
        {
            await tokens.GetAsync(stop);
            return true;
        }
        catch (ApiRefusedException e) when (AccessTokens.IsRefusal(e))
        {
            return false;
        }
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
            throw new NotAdmittedException("token", $"The API knows this Link and gives it no access: {e.Message} "
                + "Check that the setting api is the address under which the API is known, and tell the operator of the Halo API where that does not help.");
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
            var output = await CoalescingUpgradeHandler.ConnectAsync(socket, SocketAddress(), connections, time, limit.Token);
            return new(socket, output, time, new() { PingAfter = settings.PingAfter, DeadAfterPing = settings.DeadAfterPing });
        }
        catch (Exception e)
        {
            var status = socket.HttpStatusCode;
            socket.Dispose();
            if (status == HttpStatusCode.Unauthorized)
                tokens.Forget();
            if (status == HttpStatusCode.Unauthorized)
                throw new ApiRefusedException(HttpStatusCode.Unauthorized, "The access token is not good any more. The Link asks for another.");
            if (status == HttpStatusCode.Forbidden)
                throw new NotAdmittedException("socket", "The session was refused (403): by a proxy on the way, or by the API where the setting api is not its https address.");
            if (status is not (0 or HttpStatusCode.SwitchingProtocols) && e is WebSocketException)
            {
                // The calls before it went through, on the same way.
                throw new NotAdmittedException("socket", string.Create(CultureInfo.InvariantCulture,
                    $"Calls reach the API, and the session's WebSocket does not: HTTP {(int)status}. A proxy, gateway or firewall on the way does not carry WebSockets (Upgrade): ask who runs it to let them through to {api.IdnHost}:{api.Port}."));
            }
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

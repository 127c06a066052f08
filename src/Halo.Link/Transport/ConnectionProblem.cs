using System.Globalization;
using System.Net.Sockets;
using Halo.Link.Settings;

namespace Halo.Link.Transport;

/// <summary>Says what keeps the Link from its API, in one sentence for the IT person at the practice, and what to do.</summary>
sealed class ConnectionProblem(Uri api, ProxySettings? settings, CertificateCheck certificates)
{
    readonly Uri? _proxy = ProxyOf(api, settings);

    /// <returns>A word that stays the same while the reason does, null for what the network does; and the sentence.</returns>
    public (string? Reason, string Message) Explain(Exception failure)
    {
        var http = Find<HttpRequestException>(failure);
        var socket = Find<SocketException>(failure);
        return http?.HttpRequestError switch
        {
            HttpRequestError.ProxyTunnelError => ByProxy((int?)http.StatusCode),
            HttpRequestError.SecureConnectionError => certificates.Fault is { } fault ? ("certificate", fault) : ("tls", NoTls(failure)),
            HttpRequestError.InvalidResponse or HttpRequestError.ResponseEnded when api.Scheme == "http" =>
                ("noHttp", $"What answers at {Place(api)} does not speak plain HTTP, as a port for https does not: check the setting api."),
            HttpRequestError.InvalidResponse => ("noHttp", $"What answers at {Place(api)} does not speak HTTP: check the setting api."),
            HttpRequestError.NameResolutionError => NoName(),
            _ when socket is not null => OfSocket(socket),
            _ => (null, $"The API cannot be reached: {(http ?? failure).GetBaseException().Message.TrimEnd('.')}."),
        };
    }

    (string?, string) ByProxy(int? status) => status switch
    {
        407 when settings?.User is null => ("proxy407",
            $"The proxy {Place(_proxy)} asks who is there (407): write user and password to the settings proxy.user and proxy.password, beside proxy.address."),
        407 => ("proxy407", $"The proxy {Place(_proxy)} does not accept the user and password of the settings (407): correct proxy.user and proxy.password."),
        403 => ("proxy403", $"The proxy {Place(_proxy)} does not let this machine connect to {Place(api)} (403): ask who runs it to allow that address."),
        null => ("proxy", $"The proxy {Place(_proxy)} did not open a way to {Place(api)}: check that it is an HTTP proxy, and the setting proxy.address."),
        var other => (string.Create(CultureInfo.InvariantCulture, $"proxy{other}"), string.Create(CultureInfo.InvariantCulture,
            $"The proxy {Place(_proxy)} could not connect to {Place(api)} ({other}): check the name in the setting api, and ask who runs the proxy.")),
    };

    string NoTls(Exception failure) => Find<IOException>(failure) is not null && Find<System.Security.Authentication.AuthenticationException>(failure) is null
        ? $"What answers at {Place(api)} closed the connection before it was encrypted: a firewall on the way, or no https port. Check the setting api, and let the firewall through."
        : $"What answers at {Place(api)} does not speak TLS as the Halo API does: it is a port for plain http, or another service. Check the setting api.";

    (string?, string) NoName() => _proxy is null
        ? ("name", $"The name {api.Host} does not resolve: check the setting api, and the DNS server of this machine.")
        : ("proxyName", $"The name of the proxy, {_proxy.Host}, does not resolve: check the setting proxy.address (without it, the system's proxy), and the DNS server of this machine.");

    (string?, string) OfSocket(SocketException e)
    {
        if (e.SocketErrorCode is SocketError.HostNotFound or SocketError.TryAgain or SocketError.NoData or SocketError.NoRecovery)
            return NoName();
        var what = e.SocketErrorCode switch
        {
            SocketError.ConnectionRefused => "refuses connections: nothing listens on that port, or a firewall says no",
            SocketError.NetworkUnreachable or SocketError.HostUnreachable or SocketError.NetworkDown => "cannot be reached from this machine: its network or route is down",
            SocketError.TimedOut => "does not answer: a firewall drops the connection, or the machine is down",
            SocketError.ConnectionReset or SocketError.ConnectionAborted or SocketError.Shutdown => "broke the connection",
            _ => $"cannot be reached ({e.SocketErrorCode})",
        };
        return _proxy is null
            ? (null, $"The API at {Place(api)} {what}.")
            : ("proxyAway", $"The proxy {Place(_proxy)} {what}. Check the setting proxy.address (without it, the system's proxy), and ask who runs the proxy.");
    }

    /// <summary>What stands between: the proxy of the settings, else the system's.</summary>
    static Uri? ProxyOf(Uri api, ProxySettings? settings)
    {
        if (settings is not null)
            return settings.Address;
        if (api.IsLoopback)
            return null;
        try
        {
            return HttpClient.DefaultProxy.IsBypassed(api) || HttpClient.DefaultProxy.GetProxy(api) is not { } proxy || proxy == api ? null : proxy;
        }
        catch (Exception e) when (e is UriFormatException or NotSupportedException or InvalidOperationException)
        {
            return null;
        }
    }

    static string Place(Uri? address) => address is null ? "" : $"{address.IdnHost}:{address.Port.ToString(CultureInfo.InvariantCulture)}";

    static T? Find<T>(Exception? e)
        where T : Exception => e is null ? null : e as T ?? Find<T>(e.InnerException);
}

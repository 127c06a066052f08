using Microsoft.AspNetCore.HttpOverrides;

namespace Halo.Api.Transport;

/// <summary>Which proxies are believed when they say for whom they call.</summary>
static class Proxies
{
    /// <summary>
    /// Address and scheme of the caller, as far back along <c>X-Forwarded-For</c> as each hop is one of these. What anybody else
    /// says there is ignored.
    /// </summary>
    public static ForwardedHeadersOptions Trust(IReadOnlyList<System.Net.IPNetwork> proxies)
    {
        var options = new ForwardedHeadersOptions
        {
            ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto,
            ForwardLimit = null,
        };
        options.KnownProxies.Clear();
        options.KnownIPNetworks.Clear();
        foreach (var proxy in proxies)
            options.KnownIPNetworks.Add(proxy);
        return options;
    }
}

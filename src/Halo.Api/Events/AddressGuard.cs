using System.Net;
using System.Net.Sockets;
using Halo.Api.Basics;
using Halo.Api.Settings;

namespace Halo.Api.Events;

/// <summary>
/// Keeps webhooks away from what stands behind the service's own firewall: a connection is made to a public address alone, and it is the very address that
/// was checked, whatever the name resolves to a moment later.
/// </summary>
sealed class AddressGuard(EventOptions options)
{
    /// <summary>Private, loopback, link-local, shared, documentation, multicast and reserved (IANA's registries of special-purpose addresses).</summary>
    static readonly IPNetwork[] Special =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
            "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
            "::/96", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8", "64:ff9b:1::/48",
        }.Select(IPNetwork.Parse),
    ];

    /// <summary>Ranges of IPv6 that lead to an address of IPv4, and at which byte it stands.</summary>
    static readonly (IPNetwork Range, int At)[] Embedding = [(IPNetwork.Parse("64:ff9b::/96"), 12), (IPNetwork.Parse("2002::/16"), 2)];

    /// <summary>Whether webhooks may call it.</summary>
    public bool Allows(IPAddress address)
    {
        var plain = AddressRange.Plain(address);
        if (options.AllowedAddresses.Any(r => r.Contains(plain)))
            return true;
        foreach (var (range, at) in Embedding)
        {
            if (range.Contains(plain))
                return Allows(new IPAddress(plain.GetAddressBytes().AsSpan(at, 4)));
        }
        return !Special.Any(r => r.Contains(plain));
    }

    /// <summary>Whether webhooks may call it without TLS: what never leaves this machine.</summary>
    public bool AllowsPlain(IPAddress address) => IPAddress.IsLoopback(AddressRange.Plain(address)) && Allows(address);

    /// <summary>Whether any loopback address may be called.</summary>
    public bool AllowsLoopback => Allows(IPAddress.Loopback) || Allows(IPAddress.IPv6Loopback);

    /// <summary>Connects to an address of the host that may be called.</summary>
    /// <exception cref="ForbiddenAddressException">It has none.</exception>
    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken stop)
    {
        var found = await Dns.GetHostAddressesAsync(context.DnsEndPoint.Host, stop);
        var isPlain = context.InitialRequestMessage.RequestUri?.Scheme == Uri.UriSchemeHttp;
        var allowed = found.Where(a => isPlain ? AllowsPlain(a) : Allows(a)).ToArray();
        if (allowed.Length == 0)
            throw new ForbiddenAddressException();
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(allowed, context.DnsEndPoint.Port, stop);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}

/// <summary>A host has no address that may be called.</summary>
sealed class ForbiddenAddressException() : Exception("The host has no public address.");

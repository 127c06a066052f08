using System.Net;
using System.Net.Sockets;

namespace Halo.Api.Basics;

/// <summary>Addresses and ranges of them, as operators write them.</summary>
static class AddressRange
{
    /// <summary>An address, or CIDR; null for anything else.</summary>
    public static IPNetwork? Parse(string text)
    {
        if (IPAddress.TryParse(text, out var single))
        {
            var plain = Plain(single);
            return new IPNetwork(plain, plain.GetAddressBytes().Length * 8);
        }
        return IPNetwork.TryParse(text, out var range) ? range : null;
    }

    /// <summary>The address that stands for whoever calls: an IPv6 caller has a whole network of 64 bits to call from.</summary>
    public static IPAddress CallerOf(IPAddress address)
    {
        address = Plain(address);
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
            return address;
        var bytes = address.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return new(bytes);
    }

    /// <summary>An address as people write it.</summary>
    public static string? Text(IPAddress? address) => address is null ? null : Plain(address).ToString();

    /// <summary>An IPv4 address that a dual socket shows as IPv6 is one of IPv4.</summary>
    public static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}

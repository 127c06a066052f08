using System.Net;
using Halo.Api.Basics;

namespace Halo.Api.Transport;

/// <summary>The addresses of the setting <c>urls</c>, checked before the server sees them: it takes <c>127.0.0.1:5080x</c> for a name and listens everywhere.</summary>
static class ListenAddresses
{
    /// <exception cref="StartupException">One of them is malformed; every fault is in its text.</exception>
    public static void Check(IConfiguration configuration)
    {
        var faults = (configuration["urls"] ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Where(a => !IsAddress(a)).Select(a => $"\"{a}\"").ToList();
        if (faults.Count > 0)
        {
            throw new StartupException(
                $"The setting urls (--urls) holds {string.Join(", ", faults)}; an address is http://HOST:PORT or https://HOST:PORT, as http://127.0.0.1:5080, with a semicolon between two.");
        }
    }

    /// <summary>Whether an address is reached from this machine alone.</summary>
    public static bool IsLocal(string text) => Parse(text) is { } address
        && (address.IsUnixPipe || address.IsNamedPipe || address.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            || IPAddress.TryParse(address.Host.Trim('[', ']'), out var ip) && IPAddress.IsLoopback(ip));

    static BindingAddress? Parse(string text)
    {
        try
        {
            return BindingAddress.Parse(text);
        }
        catch (Exception e) when (e is FormatException or ArgumentException)
        {
            return null;
        }
    }

    static bool IsAddress(string text) => Parse(text) is { } address
        && address.Scheme.ToLowerInvariant() is "http" or "https"
        && (address.IsUnixPipe || address.IsNamedPipe
            || address.PathBase.Length == 0 && address.Port is >= IPEndPoint.MinPort and <= IPEndPoint.MaxPort && IsHost(address.Host));

    static bool IsHost(string host) => host is "*" or "+" || (host.StartsWith('[')
        ? host.EndsWith(']') && IPAddress.TryParse(host[1..^1], out _)
        : Uri.CheckHostName(host) switch
        {
            UriHostNameType.IPv4 => true,
            // 300.1.1.1 would be a name, too.
            UriHostNameType.Dns => !char.IsAsciiDigit(host[^1]),
            _ => false,
        });
}

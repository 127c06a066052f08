using System.Net;
using Halo.Api.Basics;
using Halo.Api.Settings;

namespace Halo.Api.Transport;

/// <summary>
/// The addresses that a Link's signed assertion may be made for. Without the setting <c>Halo:PublicAddress</c> it is loopback alone: whoever gets an
/// assertion that was made for another service, and sends it on with that service's name as <c>Host</c>, is refused.
/// </summary>
sealed class PublicAddresses(ApiOptions options)
{
    /// <summary>Refuses to listen beyond this machine without <c>Halo:PublicAddress</c>.</summary>
    /// <exception cref="StartupException">It would.</exception>
    public static void Check(IConfiguration configuration)
    {
        if (configuration.GetSection("Halo:PublicAddress") is var setting && (!string.IsNullOrWhiteSpace(setting.Value) || setting.GetChildren().Any()))
            return;
        var endpoints = configuration.GetSection("Kestrel:Endpoints").GetChildren().Select(e => e["Url"]).OfType<string>().ToList();
        // Endpoints of Kestrel take the place of urls.
        var addresses = endpoints.Count > 0 ? endpoints : [.. (configuration["urls"] ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)];
        if (addresses.Find(a => !ListenAddresses.IsLocal(a)) is { } open)
        {
            throw new StartupException(
                $"It would listen on {open}, beyond this machine, and the setting Halo:PublicAddress is not set. Set it to the address that Links dial, "
                + "as https://halo.example: a Link proves who it is by a signature for that address, and is believed for no other.");
        }
    }

    /// <summary>Those that hold for a request.</summary>
    public IReadOnlyCollection<string> For(HttpContext http)
    {
        // As the caller wrote it: its own ToString converts names, and throws at what is none.
        var seenAs = $"{http.Request.Scheme}://{http.Request.Host.Value}";
        return IsLocal(http) && ListenAddresses.IsLocal(seenAs) ? [.. options.PublicAddresses, seenAs] : options.PublicAddresses;
    }

    static bool IsLocal(HttpContext http) => http.Connection.RemoteIpAddress is not { } remote || IPAddress.IsLoopback(remote);
}

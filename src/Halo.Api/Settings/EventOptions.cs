using System.Net;
using Halo.Api.Basics;

namespace Halo.Api.Settings;

/// <summary>How integrators are told of events: the settings under <c>Halo:Events</c>.</summary>
sealed record EventOptions
{
    /// <summary>Hours for which events and ended deliveries can be read (1 to 168, default 24).</summary>
    public int RetentionHours { get; init; } = 24;

    /// <summary>Seconds for which a site must have been online, offline or unreachable before that is told (0 to 3600, default 120).</summary>
    public int SiteStateAfterSeconds { get; init; } = 120;

    /// <summary>Webhooks that one integrator may have (0 to 1000, default 20).</summary>
    public int WebhooksPerIntegrator { get; init; } = 20;

    /// <summary>Event streams that one integrator may have open (0 to 1000, default 10).</summary>
    public int StreamsPerIntegrator { get; init; } = 10;

    /// <summary>
    /// Addresses within private, loopback and other special ranges that webhooks may call all the same, addresses or CIDR; default none. Loopback
    /// addresses that stand here may be called without TLS.
    /// </summary>
    public IReadOnlyList<IPNetwork> AllowedAddresses { get; init; } = [];

    /// <summary>Reads the section; what is wrong is added to <paramref name="faults"/>.</summary>
    /// <param name="addresses">The list in it.</param>
    public static EventOptions Read(IConfigurationSection section, IReadOnlyList<string>? addresses, List<string> faults)
    {
        faults.AddRange((addresses ?? []).Where(a => AddressRange.Parse(a) is null)
            .Select(a => $"Halo:Events:AllowedAddresses holds \"{a}\"; it takes IP addresses and ranges such as 10.0.0.0/8 or 2001:db8::/32."));
        return new()
        {
            RetentionHours = ApiOptions.ReadInt(section, nameof(RetentionHours), 24, 1, 168, faults),
            SiteStateAfterSeconds = ApiOptions.ReadInt(section, nameof(SiteStateAfterSeconds), 120, 0, 3600, faults),
            WebhooksPerIntegrator = ApiOptions.ReadInt(section, nameof(WebhooksPerIntegrator), 20, 0, 1000, faults),
            StreamsPerIntegrator = ApiOptions.ReadInt(section, nameof(StreamsPerIntegrator), 10, 0, 1000, faults),
            AllowedAddresses = [.. (addresses ?? []).Select(AddressRange.Parse).OfType<IPNetwork>()],
        };
    }
}

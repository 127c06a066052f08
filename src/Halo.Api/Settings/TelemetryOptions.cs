namespace Halo.Api.Settings;

/// <summary>Where metrics and traces go: section <c>Halo:Telemetry</c>.</summary>
sealed record TelemetryOptions
{
    /// <summary>
    /// Base address of an OTLP collector over HTTP, as <c>http://collector:4318</c>; null: none, or what the standard variable
    /// <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> says.
    /// </summary>
    public Uri? Otlp { get; init; }

    /// <summary>What scrapers of <c>/metrics</c> send as their bearer token; at least 16 characters. Null: the admin key alone opens it.</summary>
    public string? MetricsKey { get; init; }

    /// <summary>Whether anything is exported by OTLP.</summary>
    public bool Exports => Otlp is not null || Environment.GetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT") is { Length: > 0 };

    /// <summary>Reads the section; what is wrong goes to <paramref name="faults"/>.</summary>
    public static TelemetryOptions Read(IConfigurationSection section, List<string> faults)
    {
        Uri? otlp = null;
        if (section["Otlp"] is { Length: > 0 } text && !(Uri.TryCreate(text, UriKind.Absolute, out otlp) && otlp.Scheme is "http" or "https"))
            faults.Add($"{section.Path}:Otlp must be the http or https address of an OTLP collector, as http://127.0.0.1:4318.");
        if (section["MetricsKey"] is { Length: < 16 })
            faults.Add($"{section.Path}:MetricsKey is shorter than 16 characters; use a long random one.");
        return new() { Otlp = otlp, MetricsKey = section["MetricsKey"] };
    }
}

using Halo.Link.Observability;
using Halo.Link.Settings;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Halo.Link;

/// <summary>Carries what <see cref="Telemetry"/> measures to an OTLP collector, where one is set; else it does nothing and loads nothing.</summary>
/// <remarks>
/// Sampling, headers and intervals follow OpenTelemetry's standard variables (<c>OTEL_…</c>). The exporter has a queue of its own and
/// drops what it cannot send: a slow collector never delays a query.
/// </remarks>
static class TelemetryExport
{
    public const string StandardVariable = "OTEL_EXPORTER_OTLP_ENDPOINT";

    /// <summary>Series of one metric; each has room reserved whether it comes or not.</summary>
    const int MostSeries = 50;

    static readonly TimeSpan LastFlush = TimeSpan.FromMilliseconds(500);

    /// <returns>Ends the export; null: none is set.</returns>
    public static IDisposable? Start(LinkSettings settings, Guid linkId) =>
        settings.Otlp is null && Environment.GetEnvironmentVariable(StandardVariable) is null or "" ? null : new Providers(settings.Otlp, linkId);

    sealed class Providers(Uri? otlp, Guid linkId) : IDisposable
    {
        readonly TracerProvider _traces = Sdk.CreateTracerProviderBuilder()
            .ConfigureResource(r => Describe(r, linkId))
            .AddSource(Telemetry.Name)
            .AddOtlpExporter(o => Direct(o, otlp, "v1/traces"))
            .Build();

        readonly MeterProvider _metrics = Sdk.CreateMeterProviderBuilder()
            .ConfigureResource(r => Describe(r, linkId))
            .AddMeter(Telemetry.Name, "System.Runtime")
            .AddView("*", new MetricStreamConfiguration { CardinalityLimit = MostSeries })
            .AddOtlpExporter(o => Direct(o, otlp, "v1/metrics"))
            .Build();

        /// <summary>The last words have half a second: the Link stops within five whatever the collector does.</summary>
        public void Dispose()
        {
            _traces.Shutdown((int)LastFlush.TotalMilliseconds);
            _metrics.Shutdown((int)LastFlush.TotalMilliseconds);
            _traces.Dispose();
            _metrics.Dispose();
        }

        static void Direct(OtlpExporterOptions options, Uri? otlp, string path)
        {
            if (otlp is null)
                return;
            options.Protocol = OtlpExportProtocol.HttpProtobuf;
            options.Endpoint = new Uri(otlp.AbsoluteUri.TrimEnd('/') + "/" + path);
        }

        static void Describe(ResourceBuilder resource, Guid linkId) =>
            resource.AddService("halo-link", serviceVersion: HostInformation.Version, serviceInstanceId: linkId.ToString())
                .AddEnvironmentVariableDetector();
    }
}

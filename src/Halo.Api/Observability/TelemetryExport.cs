using Halo.Api.Basics;
using Halo.Api.Settings;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Halo.Api.Observability;

/// <summary>Carries what <see cref="Telemetry"/> measures out of the process: to an OTLP collector where one is set, and to <c>/metrics</c>.</summary>
/// <remarks>Sampling, headers and intervals follow OpenTelemetry's standard variables (<c>OTEL_…</c>).</remarks>
sealed class TelemetryExport : IDisposable
{
    /// <summary>The service's own, the web server's, the runtime's and the PostgreSQL driver's.</summary>
    static readonly string[] Meters =
        [Telemetry.Name, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime", "Npgsql"];

    /// <summary>Series of one metric. Each has room reserved whether it comes or not: at the library's 2,000 that made 14 MB.</summary>
    const int MostSeries = 200;

    static readonly TimeSpan LastFlush = TimeSpan.FromMilliseconds(500);

    readonly TracerProvider? _traces;
    readonly Gauges _gauges;

    public TelemetryExport(ApiOptions options, Gauges gauges)
    {
        _gauges = gauges;
        if (options.Telemetry.Exports)
            _traces = BuildTraces(options);
        Metrics = BuildMetrics(options, gauges);
    }

    /// <summary>What <c>/metrics</c> is read from.</summary>
    public MeterProvider Metrics { get; }

    /// <summary>The last words have half a second each: left alone the exporters wait five, and the service stops within five altogether.</summary>
    public void Dispose()
    {
        _traces?.Shutdown((int)LastFlush.TotalMilliseconds);
        Metrics.Shutdown((int)LastFlush.TotalMilliseconds);
        _traces?.Dispose();
        Metrics.Dispose();
        _gauges.Dispose();
    }

    static TracerProvider BuildTraces(ApiOptions options) => Sdk.CreateTracerProviderBuilder()
        .ConfigureResource(r => Describe(r, options))
        .AddSource(Telemetry.Name, "Microsoft.AspNetCore")
        .AddProcessor(new QueryStringRemover())
        .AddOtlpExporter(o => Direct(o, options, "v1/traces"))
        .Build();

    static MeterProvider BuildMetrics(ApiOptions options, Gauges gauges)
    {
        var builder = Sdk.CreateMeterProviderBuilder()
            .ConfigureResource(r => Describe(r, options))
            .AddMeter(Meters)
            .AddView(instrument => instrument.Meter.Scope is Gauges others && others != gauges
                ? MetricStreamConfiguration.Drop // Of another service in this process.
                : new() { CardinalityLimit = MostSeries })
            .AddPrometheusExporter();
        return (options.Telemetry.Exports ? builder.AddOtlpExporter(o => Direct(o, options, "v1/metrics")) : builder).Build();
    }

    static void Direct(OtlpExporterOptions otlp, ApiOptions options, string path)
    {
        if (options.Telemetry.Otlp is not { } address)
            return;
        otlp.Protocol = OtlpExportProtocol.HttpProtobuf;
        otlp.Endpoint = new Uri(address.AbsoluteUri.TrimEnd('/') + "/" + path);
    }

    static void Describe(ResourceBuilder resource, ApiOptions options) =>
        resource.AddService("halo-api", serviceVersion: ProductVersion.Text, serviceInstanceId: options.NodeAddress)
            .AddEnvironmentVariableDetector();

    /// <summary>Query strings stay at home: pairing codes travel in them.</summary>
    sealed class QueryStringRemover : BaseProcessor<System.Diagnostics.Activity>
    {
        public override void OnEnd(System.Diagnostics.Activity data)
        {
            data.SetTag("url.query", null);
            data.SetTag("url.full", null);
        }
    }
}

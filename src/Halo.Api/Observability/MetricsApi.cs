using System.Security.Cryptography;
using System.Text;
using Halo.Api.Admin;
using Halo.Api.Errors;
using Halo.Contracts.Errors;

namespace Halo.Api.Observability;

/// <summary><c>GET /metrics</c>, Prometheus' text, for those who have a key to it.</summary>
static class MetricsApi
{
    const string Path = "/metrics";

    public static void UseMetrics(this WebApplication app)
    {
        app.UseWhen(http => http.Request.Path == Path, branch =>
        {
            branch.Use(AdmitAsync);
            branch.UseOpenTelemetryPrometheusScrapingEndpoint(app.Services.GetRequiredService<TelemetryExport>().Metrics, null, Path, null, null);
        });
    }

    static async Task AdmitAsync(HttpContext http, RequestDelegate next)
    {
        var given = Given(http.Request.Headers);
        var services = http.RequestServices;
        var own = services.GetRequiredService<ApiOptions>().Telemetry.MetricsKey;
        if (given.Length > 0 && (own is not null && Same(given, own) || services.GetRequiredService<AdminKey>().Is(given)))
        {
            await services.GetRequiredService<Gauges>().LookAsync();
            await next(http);
            return;
        }
        await new Refusal(401, given.Length == 0 ? ErrorCodes.KeyMissing : ErrorCodes.KeyInvalid,
            $"Metrics want a key: Authorization: Bearer with the setting Halo:Telemetry:MetricsKey, or {AdminKey.Header}.").ExecuteAsync(http);
    }

    static string Given(IHeaderDictionary headers)
    {
        const string Bearer = "Bearer ";
        var authorization = headers.Authorization.ToString();
        return authorization.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) ? authorization[Bearer.Length..].Trim() : headers[AdminKey.Header].ToString();
    }

    static bool Same(string given, string own) =>
        CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(given)), SHA256.HashData(Encoding.UTF8.GetBytes(own)));
}

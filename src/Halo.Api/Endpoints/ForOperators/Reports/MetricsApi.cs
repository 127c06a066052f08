using System.Security.Cryptography;
using System.Text;
using Halo.Api.Errors;
using Halo.Api.Observability;
using Halo.Api.Operators;
using Halo.Api.Settings;
using Halo.Contracts.Errors;

namespace Halo.Api.Endpoints.ForOperators.Reports;

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
        if (!HttpMethods.IsGet(http.Request.Method))
        {
            // No endpoint stands behind it: the framework would let any method through.
            await http.GetEndpoint()!.RequestDelegate!(http);
            return;
        }
        var services = http.RequestServices;
        var own = services.GetRequiredService<ApiOptions>().Telemetry.MetricsKey;
        var (admin, operators) = (services.GetRequiredService<AdminKey>(), services.GetRequiredService<OperatorDirectory>());
        var now = services.GetRequiredService<TimeProvider>().GetUtcNow();
        // Both are tried: a proxy may have put an Authorization of its own beside the right admin key.
        var bearer = BearerOf(http.Request.Headers.Authorization.ToString());
        var header = http.Request.Headers[AdminKey.Header].ToString();
        if (IsRight(bearer) || IsRight(header))
        {
            await services.GetRequiredService<Gauges>().LookAsync();
            await next(http);
            return;
        }
        var log = services.GetRequiredService<AdminCallLog>();
        if ((operators.Authenticate(bearer) ?? operators.Authenticate(header)) is { } expired)
            log.Expired(expired, http.Connection.RemoteIpAddress);
        else if (bearer.Length > 0 || header.Length > 0)
            log.Wrong(http.Connection.RemoteIpAddress);
        var wants = $"Metrics want a key: Authorization: Bearer with the setting Halo:Telemetry:MetricsKey, or {AdminKey.Header} with an operator's key.";
        await (bearer.Length == 0 && header.Length == 0
            ? new Refusal(401, ErrorCodes.KeyMissing, wants)
            : AdminAuthentication.Wrong(http, services.GetRequiredService<WrongKeyLimiter>(), wants)).ExecuteAsync(http);

        bool IsOperators(string key)
        {
            if (operators.Authenticate(key) is not { } known || known.HasExpired(now))
                return false;
            operators.RecordUse(known, http.Connection.RemoteIpAddress);
            return true;
        }

        bool IsRight(string key) => key.Length > 0 && (own is not null && Same(key, own) || admin.Is(key) || IsOperators(key));
    }

    static string BearerOf(string authorization)
    {
        const string Scheme = "Bearer ";
        return authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? authorization[Scheme.Length..].Trim() : "";
    }

    static bool Same(string given, string own) =>
        CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(given)), SHA256.HashData(Encoding.UTF8.GetBytes(own)));
}

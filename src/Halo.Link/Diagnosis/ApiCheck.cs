using System.Globalization;
using Halo.Link.Settings;
using Halo.Link.Transport;
using Microsoft.Extensions.Logging.Abstractions;

namespace Halo.Link.Diagnosis;

/// <summary>Whether the API can be reached, through the proxy and with the certificate that stand between, and whether the clocks agree.</summary>
sealed class ApiCheck(LinkSettings settings, TimeProvider time)
{
    /// <summary>Asks for a nonce, which nobody is going to use: the one call that needs no identity and changes nothing.</summary>
    public async Task<IReadOnlyList<DoctorCheck>> RunAsync(CancellationToken stop)
    {
        var certificates = new CertificateCheck(time);
        var drift = new ClockDrift(time, NullLogger<ClockDrift>.Instance);
        using var handler = LinkHttpClient.CreateHandler(settings.Api, settings.Proxy, certificates, settings.Connection.CallWithin);
        using var http = LinkHttpClient.CreateClient(settings.Api, handler);
        try
        {
            await new LinkHttpClient(http, time, settings.Connection.CallWithin, drift).NonceAsync(stop);
        }
        catch (ApiRefusedException e)
        {
            return [new("api", CheckState.Problem, e.ByApi ? $"{settings.ApiAddress} answers, and refuses: {e.Message}" : e.Message)];
        }
        catch (HttpRequestException e)
        {
            return [new("api", CheckState.Problem, new ConnectionProblem(settings.Api, settings.Proxy, certificates).Explain(e).Message)];
        }
        return
        [
            new("api", CheckState.Ok, $"{settings.ApiAddress} answers{Proxy}{(settings.Api.Scheme == "https" ? "; its certificate is trusted" : "")}"),
            drift.Warning is { } warning ? new("clock", CheckState.Problem, warning) : new("clock", CheckState.Ok, "agrees with the API's to within five minutes"),
        ];
    }

    string Proxy => settings.Proxy is { } proxy
        ? string.Create(CultureInfo.InvariantCulture, $" through the proxy {proxy.Address.IdnHost}:{proxy.Address.Port}")
        : "";
}

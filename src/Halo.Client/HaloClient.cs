using System.Net;
using Halo.Client.Calls;
using Halo.Client.Surveys;
using Halo.Contracts.Json;
using Halo.Contracts.Service;

namespace Halo.Client;

/// <summary>Calls Halo API as an integrator. Safe to use from many threads at once; make one and keep it.</summary>
public sealed class HaloClient : IDisposable
{
    readonly HttpClient? _own;
    readonly ApiCalls _calls;

    /// <summary>A client with connections of its own.</summary>
    /// <exception cref="ArgumentException">The options are not valid; the text names every fault.</exception>
    public HaloClient(HaloClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Checked();
        // Limits are this client's own: the service may well take longer than HttpClient's.
        _own = new HttpClient(NewHandler()) { Timeout = Timeout.InfiniteTimeSpan };
        _calls = new(_own, options);
    }

    /// <summary>A client over an <see cref="HttpClient"/> of yours, which is not disposed of. Its handler must not decompress, nor follow redirects with the key.</summary>
    /// <exception cref="ArgumentException">The options are not valid; the text names every fault.</exception>
    public HaloClient(HttpClient http, HaloClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(http);
        ArgumentNullException.ThrowIfNull(options);
        _calls = new(http, options.Checked());
    }

    /// <summary>The practices' databases.</summary>
    public HaloSites Sites => field ??= new(_calls);

    /// <summary>One command asked of many of them.</summary>
    public HaloSurveys Surveys => field ??= new(_calls);

    /// <summary>The service's limits in force.</summary>
    /// <exception cref="HaloException">It did not succeed.</exception>
    public Task<LimitsInForce> GetLimitsAsync(CancellationToken cancellationToken = default) =>
        _calls.JsonAsync(Repeats.ExecutesNothing, () => _calls.Request(HttpMethod.Get, "integrator/limits"), HaloJson.Default.LimitsInForce, cancellationToken);

    /// <summary>Closes its own connections.</summary>
    public void Dispose() => _own?.Dispose();

    // A redirect would take the key to another host. Pages are compared with their digests as they are stored: compressed.
    internal static SocketsHttpHandler NewHandler() => new()
    {
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        ConnectTimeout = TimeSpan.FromSeconds(10),
    };
}

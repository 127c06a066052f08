using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Halo.Client;

/// <summary>Registers <see cref="HaloClient"/>.</summary>
public static class HaloClientServices
{
    /// <summary>Registers a <see cref="HaloClient"/> over <c>IHttpClientFactory</c>: <c>services.AddHaloClient(o =&gt; { o.Address = …; o.Key = …; })</c>.</summary>
    /// <param name="services">Where it is registered.</param>
    /// <param name="configure">Sets the options; they are checked when the client is first made.</param>
    /// <returns>For handlers of your own. They must not decompress.</returns>
    public static IHttpClientBuilder AddHaloClient(this IServiceCollection services, Action<HaloClientOptions> configure)
    {
        services.Configure(configure);
        return services
            .AddHttpClient(nameof(HaloClient))
            .ConfigureHttpClient(http => http.Timeout = Timeout.InfiniteTimeSpan)
            .ConfigurePrimaryHttpMessageHandler(HaloClient.NewHandler)
            .AddTypedClient((http, provider) => new HaloClient(http, provider.GetRequiredService<IOptions<HaloClientOptions>>().Value));
    }
}

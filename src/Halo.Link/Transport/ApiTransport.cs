using Halo.Link.Files;
using Halo.Link.Settings;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Transport;

/// <summary>The Link's way to its API: HTTP through the practice's proxy, tokens, enrolment, sockets.</summary>
sealed class ApiTransport : IDisposable
{
    readonly SocketsHttpHandler _handler;

    /// <param name="enrolmentToken">Asked for with each try: it may have been changed.</param>
    /// <param name="newRandom">One for each who needs it: a Random is for one thread at a time.</param>
    public ApiTransport(
        LinkSettings settings, Guid linkId, LinkKey key, Func<string?> enrolmentToken, DataDirectory directory, TimeProvider time, Func<Random> newRandom, ILoggerFactory logs)
    {
        var certificates = new CertificateCheck(time);
        Problem = new(settings.Api, settings.Proxy, certificates);
        Drift = new(time, logs.CreateLogger<ClockDrift>());
        _handler = LinkHttpClient.CreateHandler(settings.Api, settings.Proxy, certificates, settings.Connection.CallWithin);
        Http = LinkHttpClient.CreateClient(settings.Api, _handler);
        var api = new LinkHttpClient(Http, time, settings.Connection.CallWithin, Drift);
        Client = api;
        Tokens = new AccessTokens(api, settings.ApiAddress, linkId, key, newRandom(), time);
        Enroller = new Enroller(api, settings.ApiAddress, linkId, key, enrolmentToken, directory, logs.CreateLogger<Enroller>());
        Connector = new LinkConnector(settings.Api, _handler, Enroller, Tokens, settings.Connection, time);
    }

    public HttpClient Http { get; }

    /// <summary>The calls, each by itself.</summary>
    public LinkHttpClient Client { get; }

    public AccessTokens Tokens { get; }

    public Enroller Enroller { get; }

    public LinkConnector Connector { get; }

    /// <summary>Says why the API cannot be reached.</summary>
    public ConnectionProblem Problem { get; }

    /// <summary>How this machine's clock stands to the API's.</summary>
    public ClockDrift Drift { get; }

    public void Dispose()
    {
        Tokens.Dispose();
        Http.Dispose();
        _handler.Dispose();
    }
}

using Halo.Link.Session;
using Halo.Link.Settings;
using Microsoft.Extensions.Logging;

namespace Halo.Link;

/// <summary>The Link's way to its API: HTTP through the practice's proxy, tokens, enrolment, sockets.</summary>
sealed class LinkWay : IDisposable
{
    readonly SocketsHttpHandler _calls;
    readonly HttpMessageInvoker _lines;

    /// <param name="enrolmentToken">Asked for with each try: it may have been changed.</param>
    /// <param name="newRandom">One for each who needs it: a Random is for one thread at a time.</param>
    public LinkWay(
        LinkSettings settings, Guid linkId, LinkKey key, Func<string?> enrolmentToken, DataDirectory directory, TimeProvider time, Func<Random> newRandom, ILoggerFactory logs)
    {
        _calls = LinkHttpClient.CreateHandler(settings.Api, settings.Proxy);
        Http = LinkHttpClient.CreateClient(settings.Api, _calls);
        var lines = LinkHttpClient.CreateHandler(settings.Api, settings.Proxy);
        lines.ConnectCallback = GatheringStream.ConnectAsync;
        _lines = new HttpMessageInvoker(lines, disposeHandler: true);
        var api = new LinkHttpClient(Http, time, settings.Connection.CallWithin);
        Tokens = new AccessTokens(api, settings.ApiAddress, linkId, key, newRandom(), time);
        Enroller = new Enroller(api, settings.ApiAddress, linkId, key, enrolmentToken, directory, logs.CreateLogger<Enroller>());
        Connector = new LinkConnector(settings.Api, _lines, Enroller, Tokens, settings.Connection, time);
    }

    public HttpClient Http { get; }

    public AccessTokens Tokens { get; }

    public Enroller Enroller { get; }

    public LinkConnector Connector { get; }

    public void Dispose()
    {
        Tokens.Dispose();
        _lines.Dispose();
        Http.Dispose();
        _calls.Dispose();
    }
}

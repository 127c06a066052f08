using System.Diagnostics.CodeAnalysis;
using Halo.Line;
using Microsoft.AspNetCore.Http.Features;

namespace Halo.Api.LinkSocket;

/// <summary>Lays a <see cref="CoalescingStream"/> over the connection that an upgrade gives, for the WebSocket that is made of it.</summary>
[SuppressMessage("Design", "CA1001", Justification = "The WebSocket over the stream closes it.")]
sealed class CoalescingUpgrade(IHttpUpgradeFeature inner) : IHttpUpgradeFeature
{
    CoalescingStream? _output;

    /// <inheritdoc/>
    public bool IsUpgradableRequest => inner.IsUpgradableRequest;

    /// <summary>Before the middleware that accepts WebSockets, which looks for the feature once.</summary>
    public static Task OfferAsync(HttpContext http, RequestDelegate next)
    {
        if (http.Features.Get<IHttpUpgradeFeature>() is { } upgrade)
            http.Features.Set<IHttpUpgradeFeature>(new CoalescingUpgrade(upgrade));
        return next(http);
    }

    /// <summary>What the WebSocket of an accepted request writes to.</summary>
    public static CoalescingStream OutputOf(HttpContext http) => ((CoalescingUpgrade)http.Features.GetRequiredFeature<IHttpUpgradeFeature>())._output!;

    /// <inheritdoc/>
    public async Task<Stream> UpgradeAsync() => _output = new(await inner.UpgradeAsync(), TimeProvider.System);
}

using Halo.Contracts.Admin;

namespace Halo.Api.Operators;

/// <summary>The lowest role that may call a route. Where a route says nothing, reading requires <see cref="OperatorRole.Viewer"/> and writing <see cref="OperatorRole.Owner"/>.</summary>
sealed record RequiredRole(OperatorRole Role)
{
    public static OperatorRole Of(HttpContext http)
    {
        // What routing puts in the place of a route (404, 405, 415) does nothing, and says more to whoever may not.
        if (http.GetEndpoint() is not RouteEndpoint route)
            return OperatorRole.Viewer;
        return route.Metadata.GetMetadata<RequiredRole>()?.Role
            ?? (HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method) ? OperatorRole.Viewer : OperatorRole.Owner);
    }
}

static class RequiredRoleExtensions
{
    /// <summary>Only operators with this role or a higher one may call it.</summary>
    public static TBuilder RequireRole<TBuilder>(this TBuilder route, OperatorRole role)
        where TBuilder : IEndpointConventionBuilder => route.WithMetadata(new RequiredRole(role));
}

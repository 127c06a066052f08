using Halo.Api.Storage;
using Halo.Contracts.Admin;

namespace Halo.Api.Operators;

/// <summary>Who calls an operator's route.</summary>
/// <param name="Name">Null: whoever has the admin key.</param>
/// <param name="ExpiresAt">When the key ends.</param>
sealed record OperatorCaller(string? Name, OperatorRole Role, DateTimeOffset? ExpiresAt);

/// <summary>The caller of an operator's route, and what the route asks of it.</summary>
static class OperatorContext
{
    /// <summary>Who calls; the route stands behind <see cref="AdminAuthentication"/>.</summary>
    public static OperatorCaller Operator(this HttpContext http) =>
        http.Features.Get<OperatorCaller>() ?? throw new InvalidOperationException("An operator's route stands outside the authentication.");

    /// <summary>What the caller is about to do, for the audit log.</summary>
    public static OperatorDeed Deed(this HttpContext http, string? reason = null) =>
        new(http.Operator().Name, http.Connection.RemoteIpAddress?.ToString(), reason);

    /// <summary>Only operators with this role or a higher one may call it.</summary>
    public static TBuilder For<TBuilder>(this TBuilder route, OperatorRole role)
        where TBuilder : IEndpointConventionBuilder => route.WithMetadata(new NeededRole(role));
}

/// <summary>The lowest role that may call a route. Reading needs none above <see cref="OperatorRole.Viewer"/> where nothing is said; writing needs <see cref="OperatorRole.Owner"/>.</summary>
sealed record NeededRole(OperatorRole Role)
{
    public static OperatorRole Of(HttpContext http) => http.GetEndpoint()?.Metadata.GetMetadata<NeededRole>()?.Role
        ?? (HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method) ? OperatorRole.Viewer : OperatorRole.Owner);
}

using System.Collections.Frozen;
using Microsoft.AspNetCore.Routing.Patterns;

namespace Halo.Api.Routing;

/// <summary>Which methods each path takes: those of the most specific route that fits it, whatever a less specific one would take.</summary>
sealed class RouteTable
{
    /// <summary>Paths that a middleware answers.</summary>
    static readonly Route[] WithoutEndpoint = [new(["metrics"], ["GET"])];

    readonly Lazy<IReadOnlyList<Route>> _routes;
    readonly Lazy<FrozenSet<string>> _literals;

    /// <param name="sources">Complete when the first request comes.</param>
    public RouteTable(IEnumerable<EndpointDataSource> sources)
    {
        _routes = new(() => Read(sources));
        _literals = new(() => _routes.Value.SelectMany(r => r.Segments).Where(s => s.Length > 0).ToFrozenSet(StringComparer.OrdinalIgnoreCase));
    }

    /// <summary>Whether a word stands in any route by itself.</summary>
    public bool HasLiteral(string segment) => _literals.Value.Contains(segment);

    static List<Route> Read(IEnumerable<EndpointDataSource> sources) =>
    [
        .. WithoutEndpoint,
        .. sources.SelectMany(s => s.Endpoints).OfType<RouteEndpoint>()
            .Select(e => (Segments: SegmentsOf(e.RoutePattern), Methods: e.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods))
            .Where(e => e.Segments is not null && e.Methods is not null)
            .GroupBy(e => string.Join('/', e.Segments!))
            .Select(g => new Route(g.First().Segments!, [.. g.SelectMany(e => e.Methods!).Distinct().Order(StringComparer.Ordinal)])),
    ];

    /// <summary>The methods of a path, HEAD beside GET; null: no route fits it.</summary>
    public IReadOnlyCollection<string>? MethodsOf(PathString path)
    {
        var segments = path.Value!.Trim('/').Split('/');
        Route? best = null;
        foreach (var route in _routes.Value)
        {
            if (route.Fits(segments) && (best is null || route.IsMoreSpecificThan(best)))
                best = route;
        }
        return best?.Methods;
    }

    /// <summary>Literals in lower case, an empty text for each parameter; null: a pattern of another kind.</summary>
    static string[]? SegmentsOf(RoutePattern pattern) =>
        pattern.PathSegments.All(s => s.IsSimple && s.Parts[0] is RoutePatternLiteralPart or RoutePatternParameterPart { IsCatchAll: false, IsOptional: false })
            ? [.. pattern.PathSegments.Select(s => (s.Parts[0] as RoutePatternLiteralPart)?.Content.ToLowerInvariant() ?? "")]
            : null;

    sealed class Route(string[] segments, string[] methods)
    {
        public IReadOnlyCollection<string> Methods { get; } =
            methods.Contains("GET") ? methods.Append("HEAD").ToFrozenSet(StringComparer.OrdinalIgnoreCase) : methods.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

        public bool Fits(string[] path) => path.Length == segments.Length
            && segments.Zip(path).All(s => s.First.Length == 0 ? s.Second.Length > 0 : s.First.Equals(s.Second, StringComparison.OrdinalIgnoreCase));

        public bool IsMoreSpecificThan(Route other) => segments.Zip(other.Segments).FirstOrDefault(s => s.First.Length == 0 != (s.Second.Length == 0)) is { Second: "" };

        public string[] Segments => segments;
    }
}

using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Halo.Api.Results;

/// <summary>In which coding a page stream is sent: as stored where the client takes Brotli, else gzip, else plain.</summary>
static class PageCoding
{
    public const string Brotli = "br", Gzip = "gzip", Identity = "identity";

    /// <summary>Chooses by <c>Accept-Encoding</c> (RFC 9110, 12.5.3); between equals what costs least here wins.</summary>
    public static string Choose(StringValues acceptEncoding)
    {
        if (!StringWithQualityHeaderValue.TryParseList([.. acceptEncoding.OfType<string>()], out var accepted))
            return Identity;
        return new[] { Brotli, Gzip, Identity }.OrderByDescending(c => QualityOf(c, accepted)).First(c => c == Identity || QualityOf(c, accepted) > 0);
    }

    static double QualityOf(string coding, IList<StringWithQualityHeaderValue> accepted)
    {
        var named = accepted.FirstOrDefault(a => a.Value.Equals(coding, StringComparison.OrdinalIgnoreCase));
        if (named is not null)
            return named.Quality ?? 1;
        // Identity is acceptable unless refused, but whoever lists codings prefers those.
        return coding == Identity ? 0.0001 : accepted.FirstOrDefault(a => a.Value == "*") is { } any ? any.Quality ?? 1 : 0;
    }
}

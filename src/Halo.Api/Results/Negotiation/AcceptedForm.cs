using Halo.Api.Results.Formats;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Halo.Api.Results.Negotiation;

/// <summary>Chooses the form of an answer by <c>Accept</c> (RFC 9110, 12.5.1).</summary>
/// <param name="Form">The form in which rows are written; null: plain JSON, as the contract has it.</param>
sealed record AcceptedForm(RowForm? Form)
{
    // Between equals what stands first wins.
    static readonly (string Type, RowForm? Form)[] Offered =
        [(RowForms.JsonType, null), (RowForms.ArrayType, RowForm.Array), (RowForms.LinesType, RowForm.Lines), (RowForms.CsvType, RowForm.Csv)];

    /// <summary>The best of what is accepted. Whoever names nothing that is known gets plain JSON, unless that is refused by name or by a wildcard.</summary>
    /// <returns>Null: nothing is acceptable.</returns>
    public static AcceptedForm? Choose(StringValues accept)
    {
        if (!MediaTypeHeaderValue.TryParseList([.. accept.OfType<string>()], out var ranges) || ranges.Count == 0)
            return new AcceptedForm((RowForm?)null);
        var rated = Offered.Select(o => (o.Form, Rating: Rate(o.Type, ranges))).ToList();
        var best = rated.Where(r => r.Rating.Quality > 0).OrderByDescending(r => r.Rating.Quality).ThenByDescending(r => r.Rating.Exactness).FirstOrDefault();
        if (best.Rating.Quality > 0)
            return new(best.Form);
        return rated[0].Rating.Exactness > 0 ? null : new AcceptedForm((RowForm?)null);
    }

    /// <summary>The most exact range that covers a type decides: 3 by name, 2 by its family, 1 by everything, 0 none.</summary>
    static (double Quality, int Exactness) Rate(string type, IList<MediaTypeHeaderValue> ranges) => ranges
        .Select(r => (Quality: r.Quality ?? 1, Exactness: ExactnessOf(r, type)))
        .Where(r => r.Exactness > 0)
        .OrderByDescending(r => r.Exactness)
        .ThenByDescending(r => r.Quality)
        .FirstOrDefault();

    static int ExactnessOf(MediaTypeHeaderValue range, string type)
    {
        if (range.MatchesAllTypes)
            return 1;
        if (range.MatchesAllSubTypes)
            return type.StartsWith(range.Type.Value + "/", StringComparison.OrdinalIgnoreCase) ? 2 : 0;
        return range.MediaType.Equals(type, StringComparison.OrdinalIgnoreCase) ? 3 : 0;
    }
}

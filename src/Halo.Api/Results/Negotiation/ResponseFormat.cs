using Halo.Api.Errors;
using Halo.Api.Results.Formats;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Halo.Api.Results.Negotiation;

/// <summary>How a caller wants rows: what <c>Accept</c> (RFC 9110, 12.5.1), <c>Halo-Integers</c> and <c>csvFormulas</c> say.</summary>
/// <param name="Form">A form of rows by themselves; null: plain JSON, as the contract has it.</param>
/// <param name="IntegersAsText">Whether 64-bit integers are written as strings.</param>
sealed record ResponseFormat(RowForm? Form, bool IntegersAsText)
{
    /// <summary>The header that asks for 64-bit integers as strings, since JavaScript's numbers hold 53 bits.</summary>
    public const string IntegersHeader = "Halo-Integers";

    /// <summary>The query parameter that asks for an apostrophe before CSV texts that a spreadsheet would take for formulas. Off by default, since it changes values.</summary>
    public const string FormulasParameter = "csvFormulas";

    // Between equals what stands first wins.
    static readonly (string Type, RowForm? Form)[] Offered =
        [(RowForms.JsonType, null), (RowForms.ArrayType, RowForm.Array), (RowForms.LinesType, RowForm.Lines), (RowForms.CsvType, RowForm.Csv), (RowForms.TableType, RowForm.Table)];

    /// <summary>What the request asks for, or why it cannot be given.</summary>
    public static (ResponseFormat? Wanted, Refusal? Refusal) Read(HttpRequest request)
    {
        var (asText, badHeader) = ReadIntegers(request);
        if (badHeader is not null)
            return (null, badHeader);
        var (escape, badParameter) = ReadFormulas(request);
        if (badParameter is not null)
            return (null, badParameter);
        return TryChoose(request.Headers.Accept, out var form)
            ? (new(form == RowForm.Csv && escape ? RowForm.CsvWithoutFormulas : form, asText), null)
            : (null, new Refusal(406, ErrorCodes.NotAcceptable,
                $"Accept refuses all that is offered: {RowForms.JsonType}, {RowForms.ArrayType}, {RowForms.TableType}, {RowForms.LinesType}, {RowForms.CsvType}."));
    }

    /// <summary>Whether 64-bit integers are wanted as strings, or what is wrong with the header.</summary>
    public static (bool AsText, Refusal? Refusal) ReadIntegers(HttpRequest request) => request.Headers[IntegersHeader].ToString() switch
    {
        "" => (false, null),
        var value when value.Equals("string", StringComparison.OrdinalIgnoreCase) => (true, null),
        var value when value.Equals("number", StringComparison.OrdinalIgnoreCase) => (false, null),
        _ => (false, Refusal.Invalid(IntegersHeader, "takes string or number.")),
    };

    /// <summary>The best of what is accepted. Whoever names nothing that is known gets plain JSON, unless that is refused by name or by a wildcard.</summary>
    /// <returns>False: nothing is acceptable.</returns>
    public static bool TryChoose(StringValues accept, out RowForm? form)
    {
        form = null;
        if (!MediaTypeHeaderValue.TryParseList([.. accept.OfType<string>()], out var ranges) || ranges.Count == 0)
            return true;
        var rated = Offered.Select(o => (o.Form, Rating: Rate(o.Type, ranges))).ToList();
        var best = rated.Where(r => r.Rating.Quality > 0).OrderByDescending(r => r.Rating.Quality).ThenByDescending(r => r.Rating.Exactness).FirstOrDefault();
        form = best.Form;
        return best.Rating.Quality > 0 || rated[0].Rating.Exactness == 0;
    }

    static (bool Escape, Refusal? Refusal) ReadFormulas(HttpRequest request) => request.Query[FormulasParameter].ToString() switch
    {
        "" or "keep" => (false, null),
        "escape" => (true, null),
        _ => (false, Refusal.Invalid(FormulasParameter, "takes keep or escape.")),
    };

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

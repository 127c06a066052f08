using Halo.Api.Errors;
using Halo.Contracts.Queries;

namespace Halo.Api.Results.Formats;

/// <summary>The header <c>Halo-Integers</c>: <c>string</c> asks for 64-bit integers as strings, since JavaScript's numbers hold 53 bits.</summary>
static class IntegerForm
{
    public const string Header = "Halo-Integers";

    /// <summary>Whether they are wanted as strings, or what is wrong with the header.</summary>
    public static (bool AsText, Refusal? Refusal) Read(HttpRequest request) => request.Headers[Header].ToString() switch
    {
        "" => (false, null),
        var value when value.Equals("string", StringComparison.OrdinalIgnoreCase) => (true, null),
        var value when value.Equals("number", StringComparison.OrdinalIgnoreCase) => (false, null),
        _ => (false, Refusal.Invalid(Header, "takes string or number.")),
    };

    /// <summary>Whether a result has any column that this changes.</summary>
    public static bool Concerns(IReadOnlyList<ResultColumn>? columns) => columns?.Any(c => c.Type == SqlType.BigInt) == true;
}

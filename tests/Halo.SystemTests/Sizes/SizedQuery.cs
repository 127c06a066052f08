using System.Text.Json;
using Halo.Contracts.Queries;

namespace Halo.SystemTests.Sizes;

/// <summary>A query one of whose messages is of about a bound's size. It puts its number into the table <c>done</c>.</summary>
/// <param name="What">Which message, for who reads a failure.</param>
/// <param name="Sql">The text, or the procedure's name.</param>
/// <param name="Executed">What the database makes of it; null: either, but it is known.</param>
sealed record SizedQuery(string What, string Sql, Executed? Executed)
{
    public required int Number { get; init; }

    public string Mode { get; init; } = "reader";

    public string Type { get; init; } = "text";

    public object[]? Parameters { get; init; }

    /// <summary>Bytes of JSON that its rows have; null: not known, or none come.</summary>
    public int? RowBytes { get; init; }

    public bool IsAsync { get; init; }

    /// <summary>As long as one may be.</summary>
    public string Tag => $"{Number}-".PadRight(64, 'x');

    public string Body => JsonSerializer.Serialize(new { command = new { text = Sql, executionMode = Mode, type = Type, parameters = Parameters } });

    public override string ToString() => $"{What} ({(IsAsync ? "async" : "immediate")}, {Mode}): {(Sql.Length > 300 ? Sql[..300] + "…" : Sql)}";
}

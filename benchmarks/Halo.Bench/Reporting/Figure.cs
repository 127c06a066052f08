using System.Text.Json.Serialization;
using Halo.Bench.Measuring;

namespace Halo.Bench.Reporting;

/// <summary>One measured thing: Halo's value, and beside it the reference of the same run.</summary>
/// <param name="What">As <c>SELECT 1, 8 callers</c>.</param>
/// <param name="Unit">As <c>ms p50</c>.</param>
/// <param name="Halo">Over the rounds.</param>
sealed record Figure(string What, string Unit, Spread Halo)
{
    /// <summary>By what the reference was had.</summary>
    public string? Reference { get; init; }

    public Spread? ReferenceValue { get; init; }

    /// <summary>Halo ÷ reference, round by round.</summary>
    public Spread? Ratio { get; init; }

    public string? Goal { get; init; }

    public bool? Reached { get; init; }

    [JsonIgnore]
    public bool Charted { get; init; } = true;

    /// <summary>Halo against a reference, round by round.</summary>
    public static Figure Against(string what, string unit, IReadOnlyList<double> halo, string reference, IReadOnlyList<double> other) => new(what, unit, Spread.Of(halo))
    {
        Reference = reference,
        ReferenceValue = Spread.Of(other),
        Ratio = Spread.Ratio(halo, other),
    };

    public Figure RatioAtLeast(double goal) => this with { Goal = $"ratio ≥ {goal:0.00}", Reached = Ratio!.Median >= goal };

    public Figure RatioAtMost(double goal) => this with { Goal = $"ratio ≤ {goal:0.00}", Reached = Ratio!.Median <= goal };

    public Figure AtMost(double goal) => this with { Goal = $"≤ {goal:0.##}", Reached = Halo.Median <= goal };
}

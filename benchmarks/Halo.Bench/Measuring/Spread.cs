namespace Halo.Bench.Measuring;

/// <summary>A figure over the rounds of one run.</summary>
sealed record Spread(double Min, double Median, double Max)
{
    public static Spread Of(IEnumerable<double> rounds)
    {
        var sorted = rounds.Order().ToArray();
        var middle = sorted.Length / 2;
        var median = sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Spread(sorted[0], median, sorted[^1]);
    }

    /// <summary>A single measurement.</summary>
    public static Spread One(double value) => new(value, value, value);

    /// <summary>Round by round, so that both sides met the same machine.</summary>
    public static Spread Ratio(IReadOnlyList<double> halo, IReadOnlyList<double> reference) => Of(halo.Zip(reference, (h, r) => h / r));
}

namespace Halo.Bench.Reporting;

/// <summary>What one scenario found; written to <c>{name}.json</c>, <c>{name}.md</c> and charts as soon as it is over.</summary>
sealed record ScenarioReport(string Name, string Summary, Header Header)
{
    public List<Figure> Figures { get; init; } = [];

    /// <summary>What the reader of the table must know.</summary>
    public List<string> Notes { get; init; } = [];

    /// <summary>Why it did not come to its end.</summary>
    public string? Failure { get; set; }

    public double Seconds { get; set; }
}

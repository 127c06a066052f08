namespace Halo.Bench.Scenarios;

/// <summary>One thing that is measured, from an empty machine to its figures.</summary>
interface IScenario
{
    string Name { get; }

    /// <summary>One sentence for the list and the table.</summary>
    string Summary { get; }

    Task MeasureAsync(Run run);
}

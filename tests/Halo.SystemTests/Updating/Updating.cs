namespace Halo.SystemTests.Updating;

/// <summary>
/// One after another, and beside the others: an installation that updates itself waits most of the time, and its tests wait for what it does and not for times.
/// </summary>
[CollectionDefinition(nameof(Updating))]
public sealed class Updating;

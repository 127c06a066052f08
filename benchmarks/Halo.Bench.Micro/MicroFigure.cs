namespace Halo.Bench.Micro;

/// <summary>One micro-benchmark.</summary>
/// <param name="Nanoseconds">Median for one operation; null where only allocations were counted.</param>
/// <param name="Bytes">Allocated for one operation, by all threads.</param>
public sealed record MicroFigure(string Name, double? Nanoseconds, double Bytes);

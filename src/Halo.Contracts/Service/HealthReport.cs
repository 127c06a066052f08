namespace Halo.Contracts.Service;

/// <summary>How the service is.</summary>
/// <param name="Status"><c>live</c>; <c>ready</c>, <c>degraded</c> (it takes work, not of every kind) or <c>notReady</c>.</param>
/// <param name="Version"><c>YY.Mdd.build</c>.</param>
/// <param name="NotReady">What is not ready, by name.</param>
public sealed record HealthReport(string Status, string Version, IReadOnlyList<string> NotReady);

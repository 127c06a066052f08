namespace Halo.Link.Settings;

/// <summary>What the practice allows on one site.</summary>
/// <param name="Default">Holds for integrators without rules of their own.</param>
/// <param name="Integrators">By integrator id; what a rule leaves out it takes from <paramref name="Default"/>.</param>
sealed record PolicySettings(PolicyRules Default, IReadOnlyDictionary<Guid, PolicyRules> Integrators);

/// <summary>What one integrator may do.</summary>
sealed record PolicyRules
{
    /// <summary>Words of <see cref="PolicyModes"/>; null: all.</summary>
    public IReadOnlySet<string>? Modes { get; init; }

    /// <summary>A login of its own; null: the site's.</summary>
    public string? ConnectionString { get; init; }

    /// <summary>Seconds that one of its commands may execute, 1 to 3600; null: what the API allows.</summary>
    public int? MaxSeconds { get; init; }

    /// <summary>Whether it may read and nothing else.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>Rows that a result may have; null: no limit.</summary>
    public long? MaxRows { get; init; }

    /// <summary>Bytes of JSON that a result may have; null: no limit.</summary>
    public long? MaxBytes { get; init; }

    /// <summary>Queries of it that may be in the database at once, immediate and async together; null: no limit but the lanes'.</summary>
    public int? MaxConcurrent { get; init; }

    /// <summary>Nothing of it may reach a log.</summary>
    public override string ToString() => nameof(PolicyRules);
}

/// <summary>What <c>policy.….modes</c> can hold. A procedure needs its execution mode and <see cref="StoredProcedure"/>.</summary>
static class PolicyModes
{
    public const string Reader = "reader";
    public const string Scalar = "scalar";
    public const string NonQuery = "nonQuery";
    public const string StoredProcedure = "storedProcedure";

    public static IReadOnlyList<string> All { get; } = [Reader, Scalar, NonQuery, StoredProcedure];
}

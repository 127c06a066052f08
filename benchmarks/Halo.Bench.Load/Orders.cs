namespace Halo.Bench.Load;

/// <summary>What to load, and how hard: one line of JSON on the driver's standard input.</summary>
/// <param name="Callers">Each calls again as soon as it has its answer.</param>
public sealed record LoadOrder(int Callers)
{
    /// <summary>Whole HTTP/1.1 requests, sent as they are, by each caller in turn; else PostgreSQL is spoken.</summary>
    public IReadOnlyList<string>? Requests { get; init; }

    /// <summary>Where the requests go, on loopback.</summary>
    public int Port { get; init; }

    /// <summary>Npgsql's, for <see cref="Sql"/>.</summary>
    public string? ConnectionString { get; init; }

    public string? Sql { get; init; }

    /// <summary>How long to call; 0: until <see cref="Calls"/> are made.</summary>
    public double Seconds { get; init; }

    /// <summary>Calls of all callers together.</summary>
    public int Calls { get; init; }
}

/// <summary>What came of it. Times are service times in milliseconds: a closed loop asks no faster than it is answered.</summary>
public sealed record LoadResult(long Calls, double Seconds, double P50, double P90, double P99, double P999, double Max, double Mean)
{
    public long Errors { get; init; }

    public string? FirstError { get; init; }

    /// <summary>Processor time that the driver itself took, in seconds.</summary>
    public double DriverProcessorSeconds { get; init; }

    public double PerSecond => Calls / Seconds;
}

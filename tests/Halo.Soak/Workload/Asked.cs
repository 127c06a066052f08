using System.Net;
using Halo.Contracts.Queries;
using Halo.Soak.World;
using Halo.Testing.Processes;

namespace Halo.Soak.Workload;

/// <summary>One thing that was asked of the API, and every answer to it.</summary>
sealed class Asked(long number, string kind, Practice practice, IntegratorClient integrator)
{
    readonly Lock _lock = new();
    readonly List<Said> _answers = [];

    /// <summary>Also the id that it writes, where it writes.</summary>
    public long Number { get; } = number;
    public string Kind { get; } = kind;
    public Practice Practice { get; } = practice;
    public IntegratorClient Integrator { get; } = integrator;

    public DateTimeOffset Begun { get; } = TimeProvider.System.GetUtcNow();

    /// <summary>Finds the query again where its answer was lost.</summary>
    public string Tag => $"s{Number}";

    public bool Writes { get; init; }
    public bool IsAsync { get; init; }

    /// <summary>Two writes in one transaction: its id, and its id with a minus.</summary>
    public bool IsBatch { get; init; }
    public string? Key { get; init; }

    /// <summary>The rows that it reads.</summary>
    public (int From, int To)? Range { get; init; }

    /// <summary>Rows of an answer that was said to be whole.</summary>
    public RowDigest? Received { get; set; }

    /// <summary>What became of it, where it is judged: how often its id must be there.</summary>
    public (int Least, int Most) Expected { get; set; } = (0, 1);

    public IReadOnlyList<Said> Answers
    {
        get
        {
            lock (_lock)
                return [.. _answers];
        }
    }

    public void Hear(HttpStatusCode status, Query? query)
    {
        lock (_lock)
            _answers.Add(new(status, query));
    }

    public override string ToString() =>
        $"{Kind} {Number} on {Practice.Engine} [{string.Join(", ", Answers.Select(a => $"{(int)a.Status} {a.Query?.Id} {a.Query?.Status} {a.Query?.Executed}"))}]";
}

/// <summary>One answer.</summary>
readonly record struct Said(HttpStatusCode Status, Query? Query);

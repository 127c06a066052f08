namespace Halo.Bench;

/// <summary>What the command line asks for.</summary>
sealed record Arguments
{
    public const string Usage = """
        Usage: ./bench [--quick] [--scenario NAME]… [--out DIRECTORY]
               ./bench --against COMMIT|DIRECTORY [--quick] [--out DIRECTORY]
               ./bench --list
               ./bench --gate [--accept]

          --quick          few and short rounds: all scenarios within five minutes
          --scenario NAME  one scenario; may be repeated
          --out DIRECTORY  where results go; default out/bench, what is committed is in benchmarks/results
          --against BUILD  this build and another in turns over one database: of a commit, which is built in a temporary
                           worktree, or of a directory with the programs that ./build made there
          --list           names the scenarios
          --gate           the short set of CI, compared with benchmarks/results/gate.json; exit code 1 where it fell behind
          --accept         writes what the gate finds as the new measure
        """;

    public bool Quick { get; init; }

    public bool Help { get; init; }

    public bool List { get; init; }

    public bool Gate { get; init; }

    public bool Accept { get; init; }

    public string? Out { get; init; }

    public string? Against { get; init; }

    public IReadOnlyList<string> Scenarios { get; init; } = [];

    /// <exception cref="FormatException">They cannot be understood.</exception>
    public static Arguments Read(string[] args)
    {
        var read = new Arguments();
        for (var i = 0; i < args.Length; i++)
        {
            read = args[i] switch
            {
                "--quick" => read with { Quick = true },
                "--help" or "-h" => read with { Help = true },
                "--list" => read with { List = true },
                "--gate" => read with { Gate = true },
                "--accept" => read with { Accept = true },
                "--scenario" when i + 1 < args.Length => read with { Scenarios = [.. read.Scenarios, args[++i]] },
                "--against" when i + 1 < args.Length => read with { Against = args[++i] },
                "--out" when i + 1 < args.Length => read with { Out = args[++i] },
                var other => throw new FormatException($"Not understood: {other}"),
            };
        }
        return read;
    }
}

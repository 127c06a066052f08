using System.Globalization;

namespace Halo.Soak;

/// <summary>What the command line says.</summary>
/// <param name="Minutes">How long there is work and trouble; settling and checking come on top.</param>
/// <param name="Seed">Decides what is asked and what breaks.</param>
/// <param name="PostgresStore">The API's records in PostgreSQL rather than SQLite.</param>
sealed record SoakOptions(double Minutes, int Seed, bool PostgresStore)
{
    public const string Usage = "soak [--minutes N] [--seed S] [--store sqlite|postgres]: N may be a fraction (default 10), S any whole number (default: random).";

    public static SoakOptions? Read(string[] args)
    {
        var options = new SoakOptions(10, Random.Shared.Next(1, 1_000_000), false);
        if (args.Length % 2 != 0)
            return null;
        foreach (var pair in args.Chunk(2))
            switch (pair)
            {
                case ["--minutes", var text] when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var minutes) && minutes > 0:
                    options = options with { Minutes = minutes };
                    break;
                case ["--seed", var text] when int.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out var seed):
                    options = options with { Seed = seed };
                    break;
                case ["--store", "sqlite" or "postgres"]:
                    options = options with { PostgresStore = pair[1] == "postgres" };
                    break;
                default:
                    return null;
            }
        return options;
    }
}

using System.Globalization;
using System.Text;
using Halo.Contracts.Queries;

namespace Halo.SystemTests.Sizes;

/// <summary>Makes queries whose errors, rows, columns, outputs and notices are at, just below and above each bound, and far beyond it.</summary>
sealed class SizedQueries(string engine, int seed)
{
    /// <summary>Bytes of JSON of an immediate result, as the service is set.</summary>
    public const int ResultBytes = 1 << 20;

    /// <summary>Bytes of an error's text, of a column's name, of all columns, of output parameters; of a piece, of what may be under way, of a page.</summary>
    const int ErrorBytes = 8 << 10, NameBytes = 1 << 10, ColumnsBytes = 4 << 20, OutputBytes = 8 << 20, PieceBytes = 32 << 10, WindowBytes = 256 << 10, PageBytes = 64 << 10;

    static readonly string[] Characters = ["x", "\"", "é", "語", "😀", "\u0001", "\\"];

    readonly bool _isPostgres = engine == "postgres";

    public SizedQuery Make(int number)
    {
        var random = new Random(unchecked(seed * 1_000_003 + number * 0x3779b9));
        var query = random.Next(_isPostgres ? 8 : 6) switch
        {
            0 => Error(random, number),
            1 => QuotedParameter(random, number),
            2 => ErrorAfterCommit(random, number),
            3 => Row(random, number),
            4 => NamedColumns(random, number),
            5 => random.Next(3) == 0 ? AllColumns(random, number) : Row(random, number),
            6 => Outputs(random, number),
            _ => Notices(random, number),
        };
        return query with { IsAsync = random.Next(2) == 0 };
    }

    /// <summary>SQL of a text; SQLite and PostgreSQL both have it as one value.</summary>
    string Repeated(string character, int count) => _isPostgres
        ? $"repeat({Quoted(character)}, {count})"
        : $"replace(substr(hex(zeroblob({count / 2 + 1})), 1, {count}), '0', {Quoted(character)})";

    string Quoted(string character) => character == "\u0001" ? _isPostgres ? "chr(1)" : "char(1)" : $"'{character}'";

    /// <summary>Fails and quotes what it was given.</summary>
    string Failing(string text) => _isPostgres ? $"({text})::int" : $"json_extract('{{}}', '$' || {text})";

    SizedQuery Error(Random random, int number)
    {
        var count = random.Next(3) == 0 ? random.Next(300_000, 3_000_000) : Around(random, ErrorBytes);
        return new("error", $"INSERT INTO done SELECT {number} WHERE {Failing(Repeated(Any(random), count))} IS NULL", Executed.No)
        {
            Number = number,
            Mode = random.Next(2) == 0 ? "nonQuery" : "reader",
        };
    }

    SizedQuery QuotedParameter(Random random, int number)
    {
        var text = new StringBuilder();
        for (var left = Around(random, ErrorBytes) - random.Next(60); left > 0; left -= Encoding.UTF8.GetByteCount(text.ToString(Math.Max(0, text.Length - 1), 1)))
            text.Append(Any(random));
        return new("error that quotes a parameter", $"INSERT INTO done SELECT {number} WHERE {Failing(_isPostgres ? "@p::text" : "@p")} IS NULL", Executed.No)
        {
            Number = number,
            Parameters = [new { name = "@p", type = "NVarChar", value = text.ToString() }],
        };
    }

    SizedQuery ErrorAfterCommit(Random random, int number) =>
        new("error after a commit", $"INSERT INTO done VALUES ({number}); {(_isPostgres ? "COMMIT; " : "")}SELECT {Failing(Repeated(Any(random), Around(random, ErrorBytes)))} AS x", Executed.Unknown)
        {
            Number = number,
        };

    SizedQuery Row(Random random, int number)
    {
        const int Around1 = 10;
        var character = Any(random);
        var each = character switch { "\"" or "\\" => 2, "\u0001" => 6, _ => Encoding.UTF8.GetByteCount(character) };
        var count = (Around(random, Any(random, PieceBytes, WindowBytes, PageBytes, ResultBytes, ResultBytes)) - Around1) / each;
        return new("row", $"INSERT INTO done VALUES ({number}) RETURNING {Repeated(character, count)} AS x", Executed.Yes)
        {
            Number = number,
            Mode = random.Next(3) == 0 ? "scalar" : "reader",
            RowBytes = count * each + Around1,
        };
    }

    static SizedQuery NamedColumns(Random random, int number)
    {
        var character = Any(random, "x", "é", "語", "😀");
        var names = Enumerable.Range(0, random.Next(1, 20)).Select(i => $"{i} AS \"{string.Concat(Enumerable.Repeat(character, Around(random, NameBytes) / Encoding.UTF8.GetByteCount(character)))}{i}\"");
        return new("names of columns", $"INSERT INTO done VALUES ({number}) RETURNING {string.Join(", ", names)}", Executed.Yes) { Number = number };
    }

    SizedQuery AllColumns(Random random, int number)
    {
        // PostgreSQL cuts names itself; of SQLite's each character takes six bytes.
        const int Characters = 900, Each = 6 * Characters + 70;
        var name = _isPostgres ? new string('語', 20) : new string('\u0001', Characters);
        var columns = Enumerable.Range(0, _isPostgres ? random.Next(1595, 1600) : ColumnsBytes / Each + random.Next(-8, 30)).Select(i => $"1 AS \"{i.ToString(CultureInfo.InvariantCulture)}{name}\"");
        return new("all columns", $"INSERT INTO done VALUES ({number}) RETURNING {string.Join(',', columns)}", null) { Number = number };
    }

    static SizedQuery Outputs(Random random, int number)
    {
        var character = Any(random);
        var bytes = Around(random, Any(random, ResultBytes, OutputBytes));
        return new("output parameters", "fill", Executed.Yes)
        {
            Number = number,
            Type = "storedProcedure",
            Mode = random.Next(2) == 0 ? "nonQuery" : "reader",
            Parameters =
            [
                new { name = "@n", type = "Int", value = number },
                new { name = "@c", type = "NVarChar", value = character },
                new { name = "@size", type = "Int", value = bytes / Encoding.UTF8.GetByteCount(character) },
                new { name = "@v", type = "NVarChar", direction = "output" },
            ],
        };
    }

    static SizedQuery Notices(Random random, int number) => new("notices",
        $"DO $$ BEGIN FOR i IN 1..{random.Next(1, 60)} LOOP RAISE NOTICE '%', repeat('{Any(random, "x", "\"", "é", "😀")}', {random.Next(1, 3000)}); END LOOP; INSERT INTO done VALUES ({number}); END $$", Executed.Yes)
    {
        Number = number,
        Mode = "nonQuery",
    };

    static int Around(Random random, int bound) => bound + (random.Next(3) switch { 0 => random.Next(-1, 2), 1 => random.Next(-40, 41), _ => random.Next(-bound / 2, bound / 2) });

    static string Any(Random random) => Any(random, Characters);

    static T Any<T>(Random random, params T[] all) => all[random.Next(all.Length)];
}

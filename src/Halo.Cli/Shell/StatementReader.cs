using System.Text;
using Halo.Client.Commands;

namespace Halo.Cli.Shell;

/// <summary>Makes statements of lines: each goes to a semicolon that stands neither between quotes nor in a comment.</summary>
sealed class StatementReader
{
    static readonly HashSet<string> RowWords = new(["SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN", "PRAGMA", "EXEC", "EXECUTE", "CALL", "RETURNING", "OUTPUT"], StringComparer.OrdinalIgnoreCase);

    /// <summary>Those that give rows wherever they stand, and not at the beginning alone.</summary>
    static readonly HashSet<string> RowWordsWithin = new(["RETURNING", "OUTPUT"], StringComparer.OrdinalIgnoreCase);

    readonly StringBuilder _text = new();
    SqlPlace _place = new();

    /// <summary>Nothing of a statement is there, or only a comment.</summary>
    public bool IsEmpty => _text.Length == 0 || _place.IsOutside && !Words(_text.ToString()).Any();

    /// <summary>What is there of it.</summary>
    public string Text => _text.ToString();

    /// <summary>Takes a line.</summary>
    /// <returns>The statements that it ended, without their semicolons.</returns>
    public List<string> Add(string line)
    {
        var ended = new List<string>();
        foreach (var c in line + "\n")
        {
            if (c == ';' && _place.IsOutside)
            {
                if (Take() is { } statement)
                    ended.Add(statement);
                continue;
            }
            if (_text.Length == 0 && char.IsWhiteSpace(c))
                continue;
            _text.Append(c);
            _place.Pass(c);
        }
        return ended;
    }

    /// <summary>What was not ended by a semicolon; null: nothing, or only a comment.</summary>
    public string? Take()
    {
        var text = _text.ToString().Trim();
        _text.Clear();
        _place = new();
        return Words(text).Any() ? text : null;
    }

    /// <summary>Whether it is run for its rows, or for how many it changes.</summary>
    public static bool GivesRows(string statement) => Words(statement).Select((word, i) => i == 0 ? RowWords.Contains(word) : RowWordsWithin.Contains(word)).Any(gives => gives);

    /// <summary>Words and numbers outside of quotes and comments.</summary>
    static IEnumerable<string> Words(string text)
    {
        var place = new SqlPlace();
        var word = new StringBuilder();
        foreach (var c in text)
        {
            var wasOutside = place.IsOutside;
            place.Pass(c);
            if (wasOutside && place.IsOutside && SqlPlace.IsOfName(c))
                word.Append(c);
            else if (word.Length > 0)
            {
                yield return word.ToString();
                word.Clear();
            }
        }
        if (word.Length > 0)
            yield return word.ToString();
    }
}

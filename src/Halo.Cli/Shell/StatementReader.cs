using System.Text;
using Halo.Client.Commands;

namespace Halo.Cli.Shell;

/// <summary>Makes statements of lines: each goes to a semicolon that stands neither between quotes nor in a comment.</summary>
/// <remarks>
/// One with a body of statements, as <c>CREATE PROCEDURE</c> or a block, has semicolons within: where it ends depends on the database's own grammar, and one that was
/// cut short would run the rest by itself. So it goes to <c>GO</c>, <c>/</c> or <c>\g</c> alone on a line. <c>GO</c> and <c>\g</c> end any statement, as scripts have them.
/// </remarks>
sealed class StatementReader
{
    static readonly HashSet<string> RowWords = new(["SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN", "PRAGMA", "EXEC", "EXECUTE", "CALL", "RETURNING", "OUTPUT"], StringComparer.OrdinalIgnoreCase);

    /// <summary>Those that give rows wherever they stand, and not at the beginning alone.</summary>
    static readonly HashSet<string> RowWordsWithin = new(["RETURNING", "OUTPUT"], StringComparer.OrdinalIgnoreCase);

    /// <summary>Those that give rows where what they hold does.</summary>
    static readonly HashSet<string> BlockWords = new(["DECLARE", "IF", "SET", "BEGIN", "WHILE"], StringComparer.OrdinalIgnoreCase);

    static readonly HashSet<string> RowWordsOfBlocks = new(["SELECT", "EXEC", "EXECUTE", "RETURNING", "OUTPUT"], StringComparer.OrdinalIgnoreCase);

    /// <summary>What a statement that begins with WITH does.</summary>
    static readonly HashSet<string> Verbs = new(["SELECT", "VALUES", "TABLE", "INSERT", "UPDATE", "DELETE", "MERGE"], StringComparer.OrdinalIgnoreCase);

    static readonly HashSet<string> WriteVerbs = new(["INSERT", "UPDATE", "DELETE", "MERGE"], StringComparer.OrdinalIgnoreCase);

    /// <summary>What changes the schema gives no rows, whatever its body has.</summary>
    static readonly HashSet<string> SchemaWords = new(["CREATE", "ALTER", "DROP"], StringComparer.OrdinalIgnoreCase);

    /// <summary>What has a body of statements where it is created or altered.</summary>
    static readonly HashSet<string> Bodied = new(["TRIGGER", "PROCEDURE", "PROC", "FUNCTION", "RULE", "EVENT", "PACKAGE"], StringComparer.OrdinalIgnoreCase);

    /// <summary>What may stand between CREATE and the kind of thing.</summary>
    static readonly HashSet<string> Modifiers = new(
        ["OR", "REPLACE", "ALTER", "TEMP", "TEMPORARY", "CONSTRAINT", "AGGREGATE", "EDITIONABLE", "NONEDITIONABLE"], StringComparer.OrdinalIgnoreCase);

    /// <summary>What follows BEGIN where it begins a transaction and not a block.</summary>
    static readonly HashSet<string> OfTransaction = new(
        ["TRAN", "TRANSACTION", "WORK", "DISTRIBUTED", "DEFERRED", "IMMEDIATE", "EXCLUSIVE", "CONCURRENT", "ISOLATION", "READ", "NOT", "DEFERRABLE"], StringComparer.OrdinalIgnoreCase);

    /// <summary>What begins or ends a transaction by itself.</summary>
    static readonly HashSet<string> Transactions = new(["COMMIT", "ROLLBACK", "SAVEPOINT", "SAVE", "RELEASE", "ABORT", "END"], StringComparer.OrdinalIgnoreCase);

    readonly StringBuilder _text = new();
    SqlPlace _place = new();

    /// <summary>Nothing of a statement is there, or only a comment.</summary>
    public bool IsEmpty => _text.Length == 0 || _place.IsOutside && !Words(_text.ToString()).Any();

    /// <summary>What is there of it.</summary>
    public string Text => _text.ToString();

    /// <summary>What is there goes to GO, / or \g alone on a line, and not to a semicolon.</summary>
    public bool HasBody => IsBodied(_text.ToString());

    /// <summary>Takes a line.</summary>
    /// <returns>The statements that it ended, without their semicolons; one with a body has all of its own.</returns>
    public List<string> Add(string line)
    {
        var ended = new List<string>();
        if (_place.IsOutside && IsEnd(line.Trim()))
        {
            if (Take() is { } whole)
                ended.Add(whole);
            return ended;
        }
        foreach (var c in line + "\n")
        {
            if (c == ';' && _place.IsOutside && !HasBody)
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
    public static bool GivesRows(string statement)
    {
        var words = Words(statement).ToList();
        if (words.Count == 0 || SchemaWords.Contains(words[0]))
            return false;
        if (words.Any(RowWordsWithin.Contains))
            return true;
        if (BlockWords.Contains(words[0]))
            return words.Any(RowWordsOfBlocks.Contains);
        return words[0].Equals("WITH", StringComparison.OrdinalIgnoreCase)
            ? Words(statement, atTop: true).FirstOrDefault(Verbs.Contains) is not { } verb || !WriteVerbs.Contains(verb)
            : RowWords.Contains(words[0]);
    }

    /// <summary>Whether it begins or ends a transaction, which no statement after it would be in.</summary>
    public static bool IsOfTransaction(string statement)
    {
        var words = Words(statement).Take(2).ToList();
        return words switch
        {
            [] => false,
            [var only] when only.Equals("BEGIN", StringComparison.OrdinalIgnoreCase) => true,
            [var first, var second] when first.Equals("BEGIN", StringComparison.OrdinalIgnoreCase) => OfTransaction.Contains(second),
            [var first, var second] when first.Equals("START", StringComparison.OrdinalIgnoreCase) => OfTransaction.Contains(second),
            [var first, ..] => Transactions.Contains(first),
        };
    }

    bool IsEnd(string line) => line == "\\g" || line.TrimEnd(';').TrimEnd().Equals("GO", StringComparison.OrdinalIgnoreCase) || line == "/" && (_text.Length == 0 || HasBody);

    static bool IsBodied(string text)
    {
        var words = Words(text).Take(12).ToList();
        if (words.Count == 0)
            return false;
        if (BlockWords.Contains(words[0]))
            return !words[0].Equals("SET", StringComparison.OrdinalIgnoreCase) && !IsOfTransaction(text);
        if (!words[0].Equals("CREATE", StringComparison.OrdinalIgnoreCase) && !words[0].Equals("ALTER", StringComparison.OrdinalIgnoreCase))
            return false;
        // MySQL names who it runs as before it says what it is.
        if (words.Count > 1 && words.Skip(1).SkipWhile(Modifiers.Contains).FirstOrDefault() is { } kind)
            return Bodied.Contains(kind) || kind.Equals("DEFINER", StringComparison.OrdinalIgnoreCase) && words.Any(Bodied.Contains);
        return false;
    }

    /// <summary>Words and numbers outside of quotes and comments.</summary>
    /// <param name="atTop">Those alone that stand in no parentheses.</param>
    static IEnumerable<string> Words(string text, bool atTop = false)
    {
        var place = new SqlPlace();
        var word = new StringBuilder();
        var depth = 0;
        foreach (var c in text)
        {
            var wasOutside = place.IsOutside;
            place.Pass(c);
            if (wasOutside && place.IsOutside)
                depth += c switch { '(' => 1, ')' => -1, _ => 0 };
            if (wasOutside && place.IsOutside && SqlPlace.IsOfName(c) && !(atTop && depth > 0))
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

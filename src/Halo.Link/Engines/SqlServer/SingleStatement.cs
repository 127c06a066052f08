using System.Text.RegularExpressions;

namespace Halo.Link.Engines.SqlServer;

/// <summary>Whether a text is one INSERT, UPDATE or DELETE and nothing else: SQL Server does it whole or not at all. Where in doubt, it is not.</summary>
/// <remarks>
/// Statements need no semicolon between them: <c>INSERT INTO a VALUES (1) SELECT 1 / 0</c> is two, and the first stays done where the second fails. So
/// words outside of brackets are looked at that only begin a statement.
/// </remarks>
static partial class SingleStatement
{
    static readonly HashSet<string> Verbs = new(["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"], StringComparer.OrdinalIgnoreCase);

    /// <summary>None of them stands in an INSERT, UPDATE or DELETE outside of brackets, but for FETCH behind an OFFSET.</summary>
    static readonly HashSet<string> BeginAnother = new(
        [
            "ADD", "BEGIN", "BREAK", "CLOSE", "CONTINUE", "DEALLOCATE", "DECLARE", "FETCH", "GOTO", "IF", "OPEN", "PRINT", "RAISERROR", "READTEXT", "RETURN", "REVERT", "ROLLBACK",
            "SAVE", "SETUSER", "THROW", "USE", "WAITFOR", "WHILE",
        ],
        StringComparer.OrdinalIgnoreCase);

    static readonly HashSet<string> JoinSelects = new(["UNION", "ALL", "EXCEPT", "INTERSECT"], StringComparer.OrdinalIgnoreCase);

    /// <param name="text">One word of it writes: INSERT, UPDATE, DELETE or their like.</param>
    public static bool IsAll(string text)
    {
        var (verb, before, depth, hasEnded) = ("", "", 0, false);
        // An INSERT has its rows from one VALUES or SELECT, an UPDATE has one SET, a DELETE neither: one more begins another statement.
        var clauses = 0;
        foreach (var match in Tokens().EnumerateMatches(text))
        {
            var token = text.Substring(match.Index, match.Length).ToUpperInvariant();
            if (token.StartsWith("--", StringComparison.Ordinal))
                continue;
            if (token.StartsWith("/*", StringComparison.Ordinal))
            {
                // Comments nest: where one begins in another, it has not ended here.
                if (token.IndexOf("/*", 2, StringComparison.Ordinal) > 0)
                    return false;
                continue;
            }
            if (token == ";")
            {
                hasEnded = verb.Length > 0;
                continue;
            }
            // Something without an end, or behind it.
            if (hasEnded || token is "'" or "\"" or "[")
                return false;
            if (verb.Length == 0 && depth == 0 && Verbs.Contains(token))
                verb = token;
            else if (depth == 0 && BeginAnother.Contains(token))
                return false;
            else if (verb.Length > 0 && IsClause(token, before, depth, takesRows: verb == "INSERT" && clauses == 0) && ++clauses > (verb == "DELETE" ? 0 : 1))
                return false;
            depth += token switch { "(" => 1, ")" => -1, _ => 0 };
            before = token;
        }
        return verb is "INSERT" or "UPDATE" or "DELETE";
    }

    /// <param name="takesRows">An INSERT whose rows have not come yet; they may stand in brackets.</param>
    static bool IsClause(string token, string before, int depth, bool takesRows) => token switch
    {
        "SELECT" => depth == 0 ? !JoinSelects.Contains(before) : takesRows && depth == 1 && before == "(",
        "VALUES" or "SET" => depth == 0,
        _ => false,
    };

    [GeneratedRegex(@"--[^\n]*|/\*(?:.*?\*/|.*)|'[^']*'|""[^""]*""|\[(?:[^\]]|\]\])*\]|[();'""\[]|[\w@#$]+", RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex Tokens();
}

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

    /// <summary>Words with which an expression, and so a statement, can end. Behind any other name a bracket opens its arguments.</summary>
    static readonly HashSet<string> EndExpressions = new(
        ["NULL", "DEFAULT", "END", "ASC", "DESC", "CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_USER", "SESSION_USER", "SYSTEM_USER", "USER"],
        StringComparer.OrdinalIgnoreCase);

    /// <param name="text">One word of it writes: INSERT, UPDATE, DELETE or their like.</param>
    public static bool IsAll(string text)
    {
        // What stands before the brackets that are open without anything in them yet, and how deep that is.
        var (verb, before, depth, hasEnded, opener, openedAt) = ("", "", 0, false, "", 0);
        // An INSERT has its rows from one VALUES or SELECT, an UPDATE has one SET, a DELETE neither: one more begins another statement.
        var clauses = 0;
        foreach (var match in Tokens().EnumerateMatches(text))
        {
            var token = text.Substring(match.Index, match.Length).ToUpperInvariant();
            if (IsComment(token))
                continue;
            if (IsDoubtful(token))
                return false;
            if (token == ";")
            {
                hasEnded = verb.Length > 0;
                continue;
            }
            // Something behind its end.
            if (hasEnded)
                return false;
            if (token == "(" && before != "(")
                (opener, openedAt) = (before, depth);
            if (verb.Length == 0 && depth == 0 && Verbs.Contains(token))
                verb = token;
            else if (depth == 0 && BeginAnother.Contains(token))
                return false;
            else if (verb.Length > 0)
            {
                var bracketed = token == "SELECT" && before == "(" && openedAt == 0;
                var isRows = bracketed && verb == "INSERT" && clauses == 0;
                if (bracketed && !isRows && CanEndStatement(opener))
                    return false;
                var isClause = token == "SELECT" ? isRows || depth == 0 && !JoinSelects.Contains(before) : token is "VALUES" or "SET" && depth == 0;
                if (isClause && ++clauses > (verb == "DELETE" ? 0 : 1))
                    return false;
            }
            hasEnded = token == "VALUES" && before == "DEFAULT";
            depth += token switch { "(" => 1, ")" => -1, _ => 0 };
            before = token;
        }
        return verb is "INSERT" or "UPDATE" or "DELETE";
    }

    /// <summary>
    /// Whether words can stand in a text that nobody sees who looks for them: a number ends where letters begin (<c>SELECT 1DELETE FROM a</c>), and what is read as
    /// a comment or a text may be none.
    /// </summary>
    public static bool HidesWords(string text)
    {
        foreach (var match in Tokens().EnumerateMatches(text))
            if (IsDoubtful(text.Substring(match.Index, match.Length).ToUpperInvariant()))
                return true;
        return false;
    }

    static bool IsComment(string token) => token.StartsWith("--", StringComparison.Ordinal) || token.StartsWith("/*", StringComparison.Ordinal) && !IsDoubtful(token);

    /// <summary>A quote without its end, a comment in a comment, or letters right behind a number that is neither 0x1F nor 1E5.</summary>
    static bool IsDoubtful(string token) => token is "'" or "\"" or "["
        || token.StartsWith("/*", StringComparison.Ordinal) && (token.IndexOf("/*", 2, StringComparison.Ordinal) > 0 || !token.EndsWith("*/", StringComparison.Ordinal))
        || char.IsAsciiDigit(token[0]) && !Number().IsMatch(token);

    /// <summary>A SELECT in brackets behind it may begin a statement of its own.</summary>
    static bool CanEndStatement(string token) => token[0] is ')' or '\'' or '"' or '@' || char.IsAsciiDigit(token[0]) || EndExpressions.Contains(token);

    [GeneratedRegex(@"\A(?:[0-9]+(?:E[0-9]*)?|0X[0-9A-F]*)\z", RegexOptions.CultureInvariant)]
    private static partial Regex Number();

    [GeneratedRegex(@"--[^\n]*|/\*(?:.*?\*/|.*)|'[^']*'|""[^""]*""|\[(?:[^\]]|\]\])*\]|[();'""\[=<>+\-*/%&|^~!,]|[\w@#$]+", RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex Tokens();
}

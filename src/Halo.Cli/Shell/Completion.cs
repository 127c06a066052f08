using System.Text.RegularExpressions;
using Halo.Cli.Exports;
using Halo.Contracts.Sites;

namespace Halo.Cli.Shell;

/// <summary>What the word at the cursor may become: names of the schema, words of SQL, commands of the shell.</summary>
static partial class Completion
{
    static readonly string[] Words =
    [
        "SELECT", "FROM", "WHERE", "GROUP BY", "ORDER BY", "HAVING", "LIMIT", "OFFSET", "JOIN", "LEFT JOIN", "INNER JOIN", "ON", "AS", "AND", "OR", "NOT", "NULL", "IS", "IN", "LIKE",
        "BETWEEN", "EXISTS", "DISTINCT", "COUNT(", "SUM(", "MIN(", "MAX(", "AVG(", "CASE", "WHEN", "THEN", "ELSE", "END", "UNION", "ALL", "WITH", "VALUES", "ASC", "DESC",
        "INSERT INTO", "UPDATE", "SET", "DELETE FROM", "CREATE TABLE", "DROP TABLE", "ALTER TABLE",
    ];

    /// <summary>Words that the databases do not take for a name without quotes; what only some of them reserve is quoted everywhere.</summary>
    static readonly HashSet<string> Reserved = new(
        [
            "all", "alter", "analyze", "and", "any", "array", "as", "asc", "between", "by", "case", "check", "collate", "column", "constraint", "create", "cross", "current", "default", "delete", "desc",
            "distinct", "do", "drop", "else", "end", "except", "exists", "fetch", "file", "for", "foreign", "from", "full", "function", "grant", "group", "having", "in", "index", "inner", "insert",
            "intersect", "into", "is", "join", "key", "left", "like", "limit", "natural", "not", "null", "offset", "on", "open", "option", "or", "order", "outer", "plan", "primary", "procedure",
            "references", "right", "rule", "select", "session_user", "set", "some", "table", "then", "to", "top", "trigger", "union", "unique", "update", "user", "using", "values", "view", "when",
            "where", "with",
        ],
        StringComparer.OrdinalIgnoreCase);

    /// <summary>What may stand in place of the word that ends at the cursor.</summary>
    /// <param name="before">The statement up to the cursor.</param>
    /// <param name="after">The rest of it: a table may be named there.</param>
    /// <returns>Where the word begins, and what it may become, sorted.</returns>
    public static (int Start, List<string> Candidates) Find(string before, string after, DatabaseSchema? schema)
    {
        if (before.StartsWith('\\') && !before.Contains(' ', StringComparison.Ordinal))
            return (0, [.. ShellHelp.Commands.Where(c => c.StartsWith(before, StringComparison.Ordinal))]);
        var start = before.Length;
        while (start > 0 && (char.IsLetterOrDigit(before[start - 1]) || before[start - 1] is '_' or '.' or '"'))
            start--;
        var word = before[start..];
        if (schema is null)
            return (start, before.StartsWith('\\') ? [] : Matching(Words.Select(w => Cased(w, word)), word));
        if (before.StartsWith('\\'))
            return (start, Matching(schema.Tables.SelectMany(NamesOf), word));
        if (BeforeTable().IsMatch(before[..start]))
            return (start, Matching(schema.Tables.SelectMany(NamesOf), word));
        var point = word.LastIndexOf('.');
        if (point > 0 && Tables(schema, before + after).FirstOrDefault(t => t.Name == Unquoted(word[..point])) is { Table: { } owner })
            return (start, Matching(owner.Columns.Select(c => $"{word[..point]}.{Quoted(c.Name)}"), word));
        var named = Tables(schema, before + after).Select(t => t.Table).Distinct().ToList();
        var columns = (named.Count > 0 ? named : schema.Tables).SelectMany(t => t.Columns).Select(c => Quoted(c.Name));
        // An empty word is anything: tables and columns tell more than words of SQL.
        return (start, Matching(schema.Tables.SelectMany(NamesOf).Concat(columns).Concat(word.Length == 0 ? [] : Words.Select(w => Cased(w, word))), word));
    }

    /// <summary>Which part of all candidates is the same.</summary>
    public static string CommonPrefix(List<string> candidates)
    {
        var prefix = candidates[0];
        foreach (var candidate in candidates)
        {
            var same = 0;
            while (same < Math.Min(prefix.Length, candidate.Length) && char.ToLowerInvariant(prefix[same]) == char.ToLowerInvariant(candidate[same]))
                same++;
            prefix = prefix[..same];
        }
        return prefix;
    }

    static List<string> Matching(IEnumerable<string> all, string word) =>
        [.. all.Where(c => c.Length > word.Length && (c.StartsWith(word, StringComparison.OrdinalIgnoreCase) || c.StartsWith('"' + word, StringComparison.OrdinalIgnoreCase)))
            .Distinct().Order(StringComparer.OrdinalIgnoreCase)];

    /// <summary>Without its schema first, as it is most often written.</summary>
    static IEnumerable<string> NamesOf(SchemaTable table) => table.Schema is null ? [Quoted(table.Name)] : [Quoted(table.Name), $"{Quoted(table.Schema)}.{Quoted(table.Name)}"];

    /// <summary>Tables that a statement names, by that name and by their alias.</summary>
    static IEnumerable<(string Name, SchemaTable Table)> Tables(DatabaseSchema schema, string statement)
    {
        foreach (Match match in Named().Matches(statement))
        {
            var name = Unquoted(match.Groups["table"].Value);
            if (schema.Tables.FirstOrDefault(t => t.Name.Equals(name, StringComparison.OrdinalIgnoreCase) || TableSelection.NameOf(t).Equals(name, StringComparison.OrdinalIgnoreCase)) is not { } table)
                continue;
            yield return (name, table);
            yield return (table.Name, table);
            if (match.Groups["alias"].Success)
                yield return (match.Groups["alias"].Value, table);
        }
    }

    /// <summary>A name that databases would fold to another case, or that is no word, stands in quotes.</summary>
    static string Quoted(string name) => Plain().IsMatch(name) && !Reserved.Contains(name) ? name : $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    static string Unquoted(string name) => name.Replace("\"", "", StringComparison.Ordinal);

    static string Cased(string keyword, string typed) => typed.Length > 0 && typed.All(c => !char.IsUpper(c)) ? keyword.ToLowerInvariant() : keyword;

    [GeneratedRegex(@"\b(?:from|join|into|update|table)\s+$", RegexOptions.IgnoreCase)]
    private static partial Regex BeforeTable();

    [GeneratedRegex("^[a-z_][a-z0-9_]*$")]
    private static partial Regex Plain();

    [GeneratedRegex("""\b(?:from|join|update|into)\s+(?<table>[\w."]+)(?:\s+(?:as\s+)?(?!(?:where|on|join|left|right|inner|cross|full|set|group|order|limit|values)\b)(?<alias>\w+))?""", RegexOptions.IgnoreCase)]
    private static partial Regex Named();
}

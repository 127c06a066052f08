using System.Text;
using Halo.Client.Commands;
using Halo.Contracts.Queries;

namespace Halo.Data.Commands;

/// <summary>The statements of a text, which stand between semicolons outside quotes and comments.</summary>
static class Statements
{
    /// <summary>What changes something gives no rows, unless it says so; of anything else nobody knows: a procedure, a declaration, a block.</summary>
    static readonly string[] Changing = ["INSERT", "UPDATE", "DELETE", "MERGE"],
        Silent = [.. Changing, "REPLACE", "CREATE", "ALTER", "DROP", "TRUNCATE", "GRANT", "REVOKE"],
        Returning = ["RETURNING", "OUTPUT"],
        Reading = ["SELECT", "EXEC", "EXECUTE", "CALL"],
        Several = ["EXEC", "EXECUTE", "CALL", "DECLARE", "IF", "BEGIN", "WHILE", "DO"],
        OfOneScope = ["SCOPE_IDENTITY", "DECLARE", "EXEC", "EXECUTE"];

    /// <summary>Whether a second one stands behind the first.</summary>
    public static bool AreSeveral(string text) => SplitOf(text).Count > 1;

    /// <summary>Each as a command of its own, with the parameters that it names; none where they cannot be sent apart.</summary>
    public static List<QueryCommand> Of(QueryCommand command) => BelongTogether(command.Text) ? [] : SplitOf(command.Text).ConvertAll(text =>
    {
        var words = WordsOf(text).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var named = command.Parameters?.Where(p => words.Contains(p.Name) || words.Contains(p.Name.TrimStart('@'))).ToList();
        return new QueryCommand(text) { Parameters = named is { Count: > 0 } ? named : null };
    });

    /// <summary>Whether it may give rows: the service has to be told before it runs, and rows that nobody wanted are lost.</summary>
    public static bool GivesRows(QueryCommand command)
    {
        if (command.Type != CommandType.Text || AreSeveral(command.Text))
            return true;
        var words = WordsOf(command.Text).ToList();
        if (words.Count == 0)
            return false;
        // T-SQL needs no semicolon before a query that follows; and what is in doubt is asked for, since rows that were not wanted are gone.
        return words.Exists(w => Returning.Contains(w, StringComparer.OrdinalIgnoreCase))
            || !(Silent.Contains(words[0], StringComparer.OrdinalIgnoreCase) || Is(words[0], "WITH"))
            || Outermost(command.Text) is var outer && (outer.Exists(w => Reading.Contains(w, StringComparer.OrdinalIgnoreCase)) || Is(words[0], "WITH") && !outer.Exists(w => Changing.Contains(w, StringComparer.OrdinalIgnoreCase)));
    }

    static bool Is(string word, string other) => word.Equals(other, StringComparison.OrdinalIgnoreCase);

    /// <summary>The words that stand in no brackets.</summary>
    static List<string> Outermost(string text)
    {
        var place = new SqlPlace();
        var (outside, depth) = (new StringBuilder(text.Length), 0);
        foreach (var character in text)
        {
            if (place.IsOutside)
                depth += character == '(' ? 1 : character == ')' ? -1 : 0;
            outside.Append(depth > 0 || character == ')' ? ' ' : character);
            place.Pass(character);
        }
        return [.. WordsOf(outside.ToString())];
    }

    /// <summary>Whether its rows are those that it changed.</summary>
    public static bool IsChange(QueryCommand command) =>
        command.Type == CommandType.Text && WordsOf(command.Text).FirstOrDefault() is { } first && Changing.Contains(first, StringComparer.OrdinalIgnoreCase) && !AreSeveral(command.Text);

    /// <summary>Whether it may give more results than one.</summary>
    public static bool MayGiveSeveral(QueryCommand command) =>
        command.Type != CommandType.Text || AreSeveral(command.Text) || WordsOf(command.Text).Any(w => Several.Contains(w, StringComparer.OrdinalIgnoreCase));

    /// <summary>Whether what one statement leaves is for the next: an identity, a variable, a temporary table of SQL Server's. Sent apart, that is gone.</summary>
    static bool BelongTogether(string text) =>
        WordsOf(text).Any(w => w.StartsWith("@@", StringComparison.Ordinal) || w.StartsWith('#') || OfOneScope.Contains(w, StringComparer.OrdinalIgnoreCase));

    static List<string> SplitOf(string text)
    {
        var all = new List<string>();
        var place = new SqlPlace();
        var start = 0;
        for (var i = 0; i <= text.Length; i++)
        {
            if (i == text.Length || text[i] == ';' && place.IsOutside)
            {
                // What has no word is a comment or nothing.
                if (WordsOf(text[start..i]).Any())
                    all.Add(text[start..i].Trim());
                start = i + 1;
            }
            if (i < text.Length)
                place.Pass(text[i]);
        }
        return all;
    }

    /// <summary>The words outside quotes and comments; a parameter's has its <c>@</c>, a temporary table's its <c>#</c>.</summary>
    static IEnumerable<string> WordsOf(string text)
    {
        var place = new SqlPlace();
        var start = -1;
        for (var i = 0; i <= text.Length; i++)
        {
            var isOfWord = i < text.Length && place.IsOutside && (char.IsLetterOrDigit(text[i]) || text[i] is '_' or '@' || text[i] == '#' && start < 0 && i + 1 < text.Length && (char.IsLetter(text[i + 1]) || text[i + 1] == '#'));
            if (isOfWord && start < 0)
                start = i;
            if (!isOfWord && start >= 0)
            {
                yield return text[start..i];
                start = -1;
            }
            if (i < text.Length)
                place.Pass(text[i]);
        }
    }
}

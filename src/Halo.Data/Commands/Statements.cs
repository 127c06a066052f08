using Halo.Client.Commands;
using Halo.Contracts.Queries;

namespace Halo.Data.Commands;

/// <summary>The statements of a text, which stand between semicolons outside quotes and comments.</summary>
static class Statements
{
    static readonly string[] Beginnings = ["SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN", "PRAGMA"], Changing = ["INSERT", "UPDATE", "DELETE", "MERGE"], Returning = ["RETURNING", "OUTPUT"];

    /// <summary>Whether a second one stands behind the first.</summary>
    public static bool AreSeveral(string text) => SplitOf(text).Count > 1;

    /// <summary>Each as a command of its own, with the parameters that it names.</summary>
    public static List<QueryCommand> Of(QueryCommand command) => SplitOf(command.Text).ConvertAll(text =>
    {
        var words = WordsOf(text).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var named = command.Parameters?.Where(p => words.Contains(p.Name) || words.Contains(p.Name.TrimStart('@'))).ToList();
        return new QueryCommand(text) { Parameters = named is { Count: > 0 } ? named : null };
    });

    /// <summary>Whether a reader wants rows of it: the service has to be told before it runs.</summary>
    public static bool GivesRows(QueryCommand command)
    {
        if (command.Type != CommandType.Text)
            return true;
        var words = WordsOf(command.Text).Select(w => w.ToUpperInvariant()).ToList();
        // Behind WITH a change may stand, or in it.
        return words.Count > 0 && Beginnings.Contains(words[0]) && !(words[0] == "WITH" && words.Exists(w => Changing.Contains(w))) || words.Exists(w => Returning.Contains(w));
    }

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

    /// <summary>The words outside quotes and comments; a parameter's has its <c>@</c>.</summary>
    static IEnumerable<string> WordsOf(string text)
    {
        var place = new SqlPlace();
        var start = -1;
        for (var i = 0; i <= text.Length; i++)
        {
            var isOfWord = i < text.Length && place.IsOutside && (char.IsLetterOrDigit(text[i]) || text[i] is '_' or '@');
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

using System.Buffers;
using Halo.Contracts.Queries;

namespace Halo.Api.Queries.Immediate;

/// <summary>What a command may do to the practice's data, as far as the command itself tells.</summary>
static class CommandEffects
{
    const int LongestWord = 8;

    // Also where they stand in a string or a comment: what is taken to write is recorded first, and that is all.
    static readonly SearchValues<string> WritingWords = SearchValues.Create(
        ["insert", "update", "delete", "merge", "into", "call", "exec", "execute", "create", "alter", "drop", "truncate", "grant", "revoke", "nextval", "setval"],
        StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// Whether it may write: all but one statement of a reader or scalar that begins as a query and has no word of a writing one. A
    /// function that such a query calls may write all the same; only the database knows.
    /// </summary>
    public static bool MayWrite(QueryCommand command)
    {
        if (command.ExecutionMode == ExecutionMode.NonQuery || command.Type != CommandType.Text)
            return true;
        var text = command.Text.AsSpan().TrimStart(" \t\r\n(\uFEFF");
        return !(Begins(text, "select") || Begins(text, "with") || Begins(text, "values") || Begins(text, "table"))
            || HasWritingWord(text)
            || IsBatch(text);
    }

    static bool Begins(ReadOnlySpan<char> text, string word) =>
        text.StartsWith(word, StringComparison.OrdinalIgnoreCase) && (text.Length == word.Length || !IsOfWord(text[word.Length]));

    static bool HasWritingWord(ReadOnlySpan<char> text)
    {
        for (var from = 0; text[from..].IndexOfAny(WritingWords) is >= 0 and var at;)
        {
            var begin = from + at;
            var end = begin;
            while (end < text.Length && IsOfWord(text[end]))
                end++;
            // A part of a longer word, as in updated_at, is none.
            if ((begin == 0 || !IsOfWord(text[begin - 1])) && end - begin <= LongestWord && WritingWords.Contains(text[begin..end].ToString()))
                return true;
            from = end;
        }
        return false;
    }

    static bool IsBatch(ReadOnlySpan<char> text) => text.IndexOf(';') is >= 0 and var at && !text[(at + 1)..].IsWhiteSpace();

    static bool IsOfWord(char c) => char.IsLetterOrDigit(c) || c is '_' or '$' or '@' or '#';
}

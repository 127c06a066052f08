using System.Collections.Frozen;
using Halo.Contracts.Queries;

namespace Halo.Client.Commands;

/// <summary>Whether a command only reads, as far as the words of its text tell.</summary>
/// <remarks>
/// It decides about the key alone: what may write has one. What has none is never repeated in doubt, so that a text which reads and calls a function that
/// writes is not done twice either.
/// </remarks>
static class ReadingText
{
    static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> Beginnings =
        FrozenSet.Create(StringComparer.OrdinalIgnoreCase, ["SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN", "PRAGMA"]).GetAlternateLookup<ReadOnlySpan<char>>();

    static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> Writing = FrozenSet.Create(StringComparer.OrdinalIgnoreCase,
        ["INSERT", "UPDATE", "DELETE", "MERGE", "INTO", "CALL", "EXEC", "EXECUTE", "CREATE", "ALTER", "DROP", "TRUNCATE", "GRANT", "REVOKE", "NEXTVAL", "SETVAL"]).GetAlternateLookup<ReadOnlySpan<char>>();

    public static bool Reads(QueryCommand command)
    {
        if (command.ExecutionMode == ExecutionMode.NonQuery || command.Type != CommandType.Text)
            return false;
        var text = command.Text.AsSpan().Trim(" \t\r\n(;\uFEFF");
        // A second statement may be anything.
        if (text.Contains(';'))
            return false;
        for (var at = 0; at < text.Length;)
        {
            var end = at;
            while (end < text.Length && (char.IsLetterOrDigit(text[end]) || text[end] == '_'))
                end++;
            if (at == 0 ? !Beginnings.Contains(text[..end]) : Writing.Contains(text[at..end]))
                return false;
            at = end + 1;
        }
        return text.Length > 0;
    }
}

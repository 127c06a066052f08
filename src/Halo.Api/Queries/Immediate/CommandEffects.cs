using System.Buffers;
using System.Collections.Frozen;
using Halo.Contracts.Queries;

namespace Halo.Api.Queries.Immediate;

/// <summary>What a command may do to the practice's data, as far as its text tells. Whatever is in doubt may write: then it is recorded first, and that is all.</summary>
static class CommandEffects
{
    const int LongestWord = 12;

    // Each begins a statement that changes something, on one engine or another; SQL Server needs no semicolon before it.
    static readonly SearchValues<string> WritingWords = SearchValues.Create(
        [
            "insert", "update", "delete", "merge", "into", "call", "exec", "execute", "create", "alter", "drop", "truncate", "grant", "revoke", "deny",
            "updatetext", "writetext", "send", "receive", "conversation", "dialog", "backup", "restore", "dbcc", "kill", "shutdown", "reconfigure", "enable", "disable",
        ],
        StringComparison.OrdinalIgnoreCase);

    // Of PostgreSQL a function may do anything: none but these is called by a query that reads. With the language's words that stand before a bracket.
    static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> ReadingFunctions = FrozenSet.Create(StringComparer.OrdinalIgnoreCase,
        [
            "select", "distinct", "from", "where", "and", "or", "not", "in", "any", "some", "all", "exists", "on", "join", "using", "as", "over", "filter", "within", "group",
            "by", "having", "partition", "order", "union", "except", "intersect", "values", "when", "then", "else", "case", "like", "between", "is", "limit", "top", "offset", "apply",
            "lateral", "materialized", "rollup", "cube", "sets", "row", "array", "interval",
            "char", "varchar", "nchar", "nvarchar", "character", "varying", "binary", "varbinary", "decimal", "numeric", "float", "time", "timestamp", "datetime2", "datetimeoffset",
            "count", "count_big", "sum", "min", "max", "avg", "total", "string_agg", "group_concat", "array_agg", "stdev", "stddev", "var", "variance",
            "row_number", "rank", "dense_rank", "ntile", "lag", "lead", "first_value", "last_value",
            "coalesce", "isnull", "ifnull", "nullif", "iif", "choose", "greatest", "least",
            "cast", "try_cast", "convert", "try_convert", "format", "str", "to_char", "to_date", "to_timestamp", "to_number", "date", "datetime", "julianday", "strftime", "unixepoch",
            "lower", "upper", "trim", "ltrim", "rtrim", "btrim", "left", "right", "lpad", "rpad", "length", "len", "datalength", "char_length", "substring", "substr", "charindex", "instr",
            "position", "strpos", "patindex", "replace", "stuff", "reverse", "concat", "concat_ws", "split_part", "initcap", "ascii", "unicode", "hex", "md5",
            "abs", "round", "floor", "ceil", "ceiling", "power", "sqrt", "sign", "mod",
            "now", "getdate", "getutcdate", "sysdatetime", "sysutcdatetime", "current_timestamp", "dateadd", "datediff", "datediff_big", "datepart", "datename", "datefromparts", "eomonth",
            "year", "month", "day", "age", "extract", "date_trunc", "date_part", "make_date",
            "json_value", "json_query", "openjson", "isjson", "json_extract", "json_build_object", "json_agg", "jsonb_agg", "row_to_json", "to_json", "to_jsonb", "unnest", "generate_series",
        ]).GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>
    /// Whether it may write: all but a reader or scalar of one statement that begins as a query, has no word of a writing statement and
    /// calls no function of the practice's own. What a view, an operator or a cast of the practice's calls the text does not tell.
    /// </summary>
    public static bool MayWrite(QueryCommand command)
    {
        if (command.ExecutionMode == ExecutionMode.NonQuery || command.Type != CommandType.Text)
            return true;
        var text = command.Text.AsSpan().TrimStart(" \t\r\n(\uFEFF");
        return !(Begins(text, "select") || Begins(text, "with") || Begins(text, "values") || Begins(text, "table"))
            || HasWritingWord(text)
            || IsBatch(text)
            || CallsOther(text);
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

    /// <summary>Looks at what stands before each bracket.</summary>
    static bool CallsOther(ReadOnlySpan<char> text)
    {
        // A name may be parted from its bracket by a comment.
        var mayHideNames = text.Contains("--", StringComparison.Ordinal) || text.Contains("/*", StringComparison.Ordinal);
        for (var from = 0; text[from..].IndexOf('(') is >= 0 and var at; from += at + 1)
        {
            var before = text[from..(from + at)].TrimEnd();
            var begin = before.Length;
            while (begin > 0 && IsOfWord(before[begin - 1]))
                begin--;
            var isName = begin < before.Length;
            if (mayHideNames
                || !isName && before is [.., '"' or ']' or '`']
                || isName && (!ReadingFunctions.Contains(before[begin..]) || before[..begin].TrimEnd() is [.., '.']))
                return true;
        }
        return false;
    }

    static bool IsOfWord(char c) => char.IsLetterOrDigit(c) || c is '_' or '$' or '@' or '#';
}

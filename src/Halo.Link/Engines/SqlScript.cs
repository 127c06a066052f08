namespace Halo.Link.Engines;

/// <summary>The first word of each statement of a text: enough to tell whether it can commit or open a transaction by itself.</summary>
static class SqlScript
{
    /// <summary>In upper case, in order. Strings, quoted names, comments and dollar quotes are passed over.</summary>
    public static IEnumerable<string> FirstWords(string text)
    {
        var atStart = true;
        for (var i = 0; i < text.Length;)
        {
            var c = text[i];
            if (char.IsWhiteSpace(c) || c == '(')
                i++;
            else if (c == ';')
            {
                atStart = true;
                i++;
            }
            else if (EndOfComment(text, i) is { } afterComment)
                i = afterComment;
            else if (IsOfName(c) && !char.IsAsciiDigit(c) && c != '$')
            {
                var end = i;
                while (end < text.Length && IsOfName(text[end]))
                    end++;
                if (atStart)
                    yield return text[i..end].ToUpperInvariant();
                atStart = false;
                // A string with escapes by backslash: E'…'.
                var escapes = end - i == 1 && c is 'e' or 'E' && end < text.Length && text[end] == '\'';
                i = escapes ? EndOfQuoted(text, end, escapes: true) : end;
            }
            else
            {
                atStart = false;
                i = c switch
                {
                    '\'' or '"' or '`' => EndOfQuoted(text, i, escapes: false),
                    '$' => EndOfDollarQuoted(text, i),
                    _ => i + 1,
                };
            }
        }
    }

    /// <summary>To PostgreSQL's parser, everything beyond ASCII is a letter.</summary>
    static bool IsOfName(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '$' || !char.IsAscii(c) && !char.IsWhiteSpace(c);

    static int? EndOfComment(string text, int i)
    {
        if (i + 1 >= text.Length)
            return null;
        if (text[i] == '-' && text[i + 1] == '-')
        {
            var line = text.IndexOf('\n', i);
            return line < 0 ? text.Length : line + 1;
        }
        if (text[i] != '/' || text[i + 1] != '*')
            return null;
        // PostgreSQL's comments nest.
        var depth = 0;
        for (; i < text.Length - 1; i++)
        {
            if (text[i] == '/' && text[i + 1] == '*')
            {
                depth++;
                i++;
            }
            else if (text[i] == '*' && text[i + 1] == '/')
            {
                i++;
                if (--depth == 0)
                    return i + 1;
            }
        }
        return text.Length;
    }

    static int EndOfQuoted(string text, int start, bool escapes)
    {
        for (var i = start + 1; i < text.Length; i++)
        {
            if (escapes && text[i] == '\\')
                i++;
            else if (text[i] == text[start])
                return i + 1;
        }
        return text.Length;
    }

    static int EndOfDollarQuoted(string text, int start)
    {
        var end = start + 1;
        while (end < text.Length && (char.IsLetterOrDigit(text[end]) || text[end] == '_'))
            end++;
        if (end >= text.Length || text[end] != '$' || end > start + 1 && char.IsDigit(text[start + 1]))
            return start + 1;
        var tag = text[start..(end + 1)];
        var close = text.IndexOf(tag, end + 1, StringComparison.Ordinal);
        return close < 0 ? text.Length : close + tag.Length;
    }
}

using System.Text;

namespace Halo.Link.Engines.Postgres;

/// <summary>
/// A command's text as PostgreSQL's scanner cuts it: its placeholders made positional, and how many statements it seems to hold. Nothing is decided by it: the
/// server sees the text as one message, and says itself whether that is one statement and what it does.
/// </summary>
sealed class PostgresScript
{
    readonly string _text;
    readonly Dictionary<string, int> _places = new(StringComparer.Ordinal);
    readonly Dictionary<string, int> _placesIgnoringCase = new(StringComparer.OrdinalIgnoreCase);
    readonly Dictionary<int, int> _numbers = [];
    readonly List<string> _names;
    readonly bool _backslashes;
    readonly bool _takesAll;
    StringBuilder? _positional;
    readonly List<int> _used = [];
    string _first = "";
    string _only = "";
    int _copied;
    int _i;
    int _parentheses;
    int _blocks;
    bool _inStatement;
    bool _isRoutine;
    bool _writes;

    PostgresScript(string text, IReadOnlyList<string> names, bool backslashes, bool takesAll)
    {
        (_text, _names, _backslashes, _takesAll) = (text, [.. names], backslashes, takesAll);
        for (var i = 0; i < names.Count; i++)
        {
            _places.TryAdd(names[i], i);
            _placesIgnoringCase.TryAdd(names[i], i);
        }
    }

    /// <summary>The text with each known <c>@name</c> or <c>:name</c> as <c>$1</c>, <c>$2</c> …</summary>
    public string Positional { get; private set; } = "";

    /// <summary>Which parameter stands for <c>$1</c>, <c>$2</c> …: places in the list of names.</summary>
    public IReadOnlyList<int> Used => _used;

    /// <summary>How many statements it seems to hold.</summary>
    public int Statements { get; private set; }

    /// <summary>Whether its only statement seems to be one that the planner takes: SELECT, INSERT, UPDATE, DELETE, MERGE, VALUES, TABLE.</summary>
    public bool IsPlanned => Statements == 1 && _only is ("SELECT" or "WITH" or "INSERT" or "UPDATE" or "DELETE" or "MERGE" or "VALUES" or "TABLE");

    /// <summary>Whether its only statement seems to be one that gives rows.</summary>
    /// <remarks>Without <c>SELECT INTO</c>, and <c>WITH</c> before what writes: not all of those give rows. What locks rows (FOR UPDATE) is taken for one of them.</remarks>
    public bool IsQuery => IsPlanned && !_writes && _only is ("SELECT" or "WITH" or "VALUES" or "TABLE");

    /// <summary>Whether a statement of it seems to be COPY to or from the client.</summary>
    public bool CopiesToClient { get; private set; }

    /// <summary>Whether it names parameters by number itself.</summary>
    public bool HasNumbered { get; private set; }

    /// <param name="text">The command's text.</param>
    /// <param name="names">Its parameters' names, without <c>@</c>.</param>
    /// <param name="backslashes">Whether a backslash in a plain string is an escape: <c>standard_conforming_strings</c> is off.</param>
    public static PostgresScript Read(string text, IReadOnlyList<string> names, bool backslashes = false)
    {
        var script = new PostgresScript(text, names, backslashes, takesAll: false);
        script.Scan();
        return script;
    }

    /// <summary>The same, where each <c>@name</c> of the text is a parameter, whether it is among the names or not.</summary>
    public static PostgresScript ReadAll(string text, IReadOnlyList<string> names, bool backslashes = false)
    {
        var script = new PostgresScript(text, names, backslashes, takesAll: true);
        script.Scan();
        return script;
    }

    /// <summary>The name at a place of <see cref="Used"/>.</summary>
    public string NameOf(int place) => _names[place];

    void Scan()
    {
        while (_i < _text.Length)
        {
            var c = _text[_i];
            if (IsSpace(c))
                _i++;
            else if (SkipComment())
                continue;
            else if (c == ';')
                EndStatement();
            else
                ReadToken(c);
        }
        Positional = _positional is null ? _text : _positional.Append(_text, _copied, _text.Length - _copied).ToString();
    }

    void EndStatement()
    {
        _i++;
        // Within parentheses of CREATE RULE, and within BEGIN ATOMIC … END of a routine.
        if (_parentheses > 0 || _blocks > 0)
            return;
        _inStatement = _isRoutine = false;
        _first = "";
    }

    void ReadToken(char c)
    {
        if (!_inStatement)
        {
            _inStatement = true;
            Statements++;
        }
        if (IsIdentifierStart(c))
            ReadWord();
        else if (char.IsAsciiDigit(c))
            _i = End(_i, static c => char.IsAsciiDigit(c) || c == '_');
        else if (c == '\'')
            SkipQuoted(_backslashes);
        else if (c == '"')
            SkipQuoted(escapes: false);
        else if (c == '$')
            ReadDollar();
        else if (c is '@' or ':')
            ReadPlaceholder(c);
        else
        {
            _parentheses += c switch { '(' => 1, ')' => -1, _ => 0 };
            _i++;
        }
    }

    void ReadWord()
    {
        var start = _i;
        _i = End(_i, static c => IsIdentifierStart(c) || char.IsAsciiDigit(c) || c == '$');
        if (_i < _text.Length && _text[_i] == '\'' && _i == start + 1)
        {
            // E'…', and B'…', X'…', N'…', which have no escapes.
            SkipQuoted(_text[start] is 'e' or 'E' || _text[start] is 'n' or 'N' && _backslashes);
            return;
        }
        var word = _text.AsSpan(start, _i - start);
        if (_first.Length == 0)
        {
            _first = word.ToString().ToUpperInvariant();
            if (Statements == 1)
                _only = _first;
        }
        else if (_first == "COPY")
            CopiesToClient |= Is(word, "STDIN") || Is(word, "STDOUT");
        else if (_first == "CREATE")
            ReadWordOfDefinition(word);
        else if (_parentheses == 0)
            _writes |= Is(word, "INTO") || Is(word, "INSERT") || Is(word, "UPDATE") || Is(word, "DELETE") || Is(word, "MERGE");
    }

    void ReadWordOfDefinition(ReadOnlySpan<char> word)
    {
        _isRoutine |= Is(word, "FUNCTION") || Is(word, "PROCEDURE");
        if (!_isRoutine || _parentheses > 0)
            return;
        if (Is(word, "ATOMIC") || _blocks > 0 && Is(word, "CASE"))
            _blocks++;
        else if (_blocks > 0 && Is(word, "END"))
            _blocks--;
    }

    void ReadDollar()
    {
        var end = End(_i + 1, static c => IsIdentifierStart(c) || char.IsAsciiDigit(c));
        if (_i + 1 < _text.Length && char.IsAsciiDigit(_text[_i + 1]))
        {
            HasNumbered = true;
            _i = End(_i + 1, char.IsAsciiDigit);
        }
        else if (end < _text.Length && _text[end] == '$')
        {
            var tag = _text[_i..(end + 1)];
            var close = _text.IndexOf(tag, end + 1, StringComparison.Ordinal);
            _i = close < 0 ? _text.Length : close + tag.Length;
        }
        else
            _i++;
    }

    void ReadPlaceholder(char sign)
    {
        var start = _i++;
        // A cast (::type) and PostgreSQL's own operators (@@, @>).
        if (start > 0 && _text[start - 1] == sign)
            return;
        var end = End(_i, static c => char.IsLetterOrDigit(c) || c is '_' or '.');
        if (end == _i || PlaceOf(_text[_i..end], sign) is not (>= 0 and var place))
            return;
        if (!_numbers.TryGetValue(place, out var number))
        {
            _used.Add(place);
            _numbers[place] = number = _used.Count;
        }
        (_positional ??= new()).Append(_text, _copied, start - _copied).Append('$').Append(number);
        _i = _copied = end;
    }

    int PlaceOf(string name, char sign)
    {
        if (_places.TryGetValue(name, out var place) || _placesIgnoringCase.TryGetValue(name, out place))
            return place;
        // A colon is more often part of an array's bounds.
        if (!_takesAll || sign != '@' || !IsIdentifierStart(name[0]))
            return -1;
        _places[name] = _placesIgnoringCase[name] = _names.Count;
        _names.Add(name);
        return _names.Count - 1;
    }

    bool SkipComment()
    {
        if (_i + 1 >= _text.Length)
            return false;
        if (_text[_i] == '-' && _text[_i + 1] == '-')
        {
            _i = EndOfLine(_i);
            return true;
        }
        if (_text[_i] != '/' || _text[_i + 1] != '*')
            return false;
        var depth = 0;
        do
        {
            var two = _i + 1 < _text.Length ? (_text[_i], _text[_i + 1]) : default;
            depth += two switch { ('/', '*') => 1, ('*', '/') => -1, _ => 0 };
            _i += two is ('/', '*') or ('*', '/') ? 2 : 1;
        }
        while (depth > 0 && _i < _text.Length);
        return true;
    }

    /// <summary>From the opening quote to behind the closing one; a string with escapes may go on after a line's end.</summary>
    void SkipQuoted(bool escapes)
    {
        var quote = _text[_i];
        do
        {
            _i++;
            while (_i < _text.Length && _text[_i] != quote)
                _i += escapes && _text[_i] == '\\' ? 2 : 1;
            _i = Math.Min(_i + 1, _text.Length);
        }
        while (quote == '\'' && escapes && (GoesOn() || Doubled()));

        // 'it''s': the second quote opens it again.
        bool Doubled() => _i < _text.Length && _text[_i] == quote;
    }

    /// <summary>White space with a line's end, then a quote: the same string. Moves to that quote.</summary>
    bool GoesOn()
    {
        var newLine = false;
        var i = _i;
        while (i < _text.Length)
        {
            if (IsSpace(_text[i]))
                newLine |= _text[i++] is '\n' or '\r';
            else if (_text[i] == '-' && i + 1 < _text.Length && _text[i + 1] == '-')
                i = EndOfLine(i);
            else
                break;
        }
        if (!newLine || i >= _text.Length || _text[i] != '\'')
            return false;
        _i = i;
        return true;
    }

    int EndOfLine(int start)
    {
        var end = _text.AsSpan(start).IndexOfAny('\n', '\r');
        return end < 0 ? _text.Length : start + end;
    }

    int End(int start, Func<char, bool> belongs)
    {
        while (start < _text.Length && belongs(_text[start]))
            start++;
        return start;
    }

    static bool Is(ReadOnlySpan<char> word, string wanted) => word.Equals(wanted, StringComparison.OrdinalIgnoreCase);

    static bool IsSpace(char c) => c is ' ' or '\t' or '\n' or '\r' or '\f' or '\v';

    /// <summary>To the scanner everything beyond ASCII is a letter, spaces of Unicode too.</summary>
    static bool IsIdentifierStart(char c) => char.IsAsciiLetter(c) || c == '_' || !char.IsAscii(c);
}

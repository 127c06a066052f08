using System.Text;

namespace Halo.Client.Commands;

/// <summary>
/// Whether a place in SQL is between quotes, where a parameter's name would be text. Knows the quotes of all databases that are served: texts and names, PostgreSQL's
/// <c>E'…'</c> with backslashes and <c>$tag$…$tag$</c>, and comments, one within another.
/// </summary>
sealed class SqlPlace
{
    // The closing quote of a text or name; '\n' in a comment to the line's end, '*' in one that is closed, '$' between dollar quotes; '\0' elsewhere.
    char _within;
    char _before, _beforeThat;
    bool _isEscaping, _isEscaped;
    int _comments, _brackets;

    // The last character has done its part: "/*/" does not end what it begins.
    bool _isPair;

    // Of a dollar quote: what stands since the last dollar outside, and the whole opening one.
    StringBuilder? _opening;
    string _dollar = "";
    int _matched;

    /// <summary>Neither between quotes nor in a comment.</summary>
    public bool IsOutside => _within == '\0';

    public bool IsQuoted => _within is '\'' or '"' or ']' or '`' or '$';

    /// <summary>Whether a parameter's name would run into what stands before it.</summary>
    public bool IsBehindName => _within == '\0' && (IsOfName(_before) || _before == '@');

    /// <summary>Whether a character could belong to the name before it. Operators and casts may stand right behind a value.</summary>
    public static bool IsOfName(char c) => char.IsLetterOrDigit(c) || c is '_' or '$';

    public void Pass(char c)
    {
        switch (_within)
        {
            case '\0':
                Outside(c);
                break;
            case '*':
                Comment(c);
                break;
            case '$':
                Dollar(c);
                break;
            case '\'' when _isEscaping && (_isEscaped || c == '\\'):
                _isEscaped = !_isEscaped;
                break;
            default:
                if (c == _within)
                    _within = '\0';
                break;
        }
        (_beforeThat, _before) = (_before, _isPair ? '\0' : c);
        _isPair = false;
    }

    void Outside(char c)
    {
        if (Opens(c))
            return;
        switch (c)
        {
            case '\'':
                _within = c;
                // Doubled, it goes on with the text that it seemed to end.
                (_isEscaping, _isEscaped) = (_before == c ? _isEscaping : _before is 'E' or 'e' && !IsOfName(_beforeThat), false);
                break;
            case '"' or '`':
                _within = c;
                break;
            // Behind a name, or within another, a bracket is PostgreSQL's index or array, and no quote of SQL Server.
            case '[' when _brackets == 0 && _before is (' ' or '\n' or '\r' or '\t' or '.' or ',' or '(' or '=' or '\0'):
                _within = ']';
                break;
            case '[':
                _brackets++;
                break;
            case ']' when _brackets > 0:
                _brackets--;
                break;
            case '-' when _before == '-':
                _within = '\n';
                break;
            case '*' when _before == '/':
                (_within, _comments, _isPair) = ('*', 1, true);
                break;
        }
    }

    /// <returns>Whether a dollar quote was opened.</returns>
    bool Opens(char c)
    {
        if (c == '$' && _opening is { } tag)
        {
            _dollar = $"${tag}$";
            (_within, _matched, _opening) = ('$', 0, null);
            return true;
        }
        if (c == '$' && !IsOfName(_before))
            _opening = new();
        else if (_opening is { } open && (char.IsLetter(c) || c == '_' || open.Length > 0 && char.IsDigit(c)))
            open.Append(c);
        else
            _opening = null;
        return false;
    }

    void Comment(char c)
    {
        if (_before == '*' && c == '/')
        {
            _isPair = true;
            if (--_comments == 0)
                _within = '\0';
        }
        else if (_before == '/' && c == '*')
        {
            _isPair = true;
            _comments++;
        }
    }

    void Dollar(char c)
    {
        _matched = c == _dollar[_matched] ? _matched + 1 : c == '$' ? 1 : 0;
        if (_matched == _dollar.Length)
            _within = '\0';
    }
}

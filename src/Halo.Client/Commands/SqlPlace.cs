namespace Halo.Client.Commands;

/// <summary>Whether a place in SQL is between quotes, where a parameter's name would be text. Quotes in comments do not count.</summary>
sealed class SqlPlace
{
    char _before;
    // The closing quote of a text or name; '\n' in a comment to the line's end, '/' in one that is closed; '\0' elsewhere.
    char _within;

    public bool IsQuoted => _within is '\'' or '"' or ']' or '`';

    public void Pass(char c)
    {
        switch (_within)
        {
            case '\0':
                _within = (_before, c) switch
                {
                    (_, '\'' or '"' or '`') => c,
                    // A bracket behind a name is PostgreSQL's index, not a quote of SQL Server.
                    (' ' or '\n' or '\t' or '.' or ',' or '(' or '=' or '\0', '[') => ']',
                    ('-', '-') => '\n',
                    ('/', '*') => '/',
                    _ => '\0',
                };
                break;
            case '/':
                if (_before == '*' && c == '/')
                    _within = '\0';
                break;
            default:
                if (c == _within)
                    _within = '\0';
                break;
        }
        _before = c;
    }
}

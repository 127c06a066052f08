using System.Collections;
using System.Globalization;
using System.Text;
using Halo.Contracts.Queries;

namespace Halo.Client.Commands;

/// <summary>Interpolated SQL as a command: literal text stays, each value becomes a parameter.</summary>
sealed class SqlInterpolation
{
    readonly StringBuilder _text = new();
    readonly List<CommandParameter> _parameters = [];
    readonly SqlPlace _place = new();
    readonly string _prefix;
    bool _isBehindParameter;

    SqlInterpolation(string prefix) => _prefix = prefix;

    public static QueryCommand ToCommand(FormattableString sql)
    {
        // A text may have parameters of such names itself.
        var prefix = "p";
        while (Holds(sql, "@" + prefix))
            prefix += "_";
        var made = new SqlInterpolation(prefix);
        made.Add(sql);
        var text = made._text.ToString();
        ArgumentException.ThrowIfNullOrWhiteSpace(text, nameof(sql));
        return new(text) { Parameters = made._parameters.Count > 0 ? made._parameters : null };
    }

    /// <summary>Whether the text of it, or of one that is put into it, has such a name.</summary>
    static bool Holds(FormattableString sql, string name) => sql.Format.Contains(name, StringComparison.OrdinalIgnoreCase)
        || sql.GetArguments().OfType<FormattableString>().Any(part => Holds(part, name));

    void Add(FormattableString sql)
    {
        var format = sql.Format;
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] is not ('{' or '}'))
                AddText(format[i]);
            else if (i + 1 < format.Length && format[i + 1] == format[i])
                AddText(format[i++]);
            else
            {
                var end = format.IndexOf('}', i);
                if (!int.TryParse(format.AsSpan(i + 1, end - i - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var index))
                    throw new ArgumentException("An interpolated value of SQL has no format and no width: it is sent as a parameter, not as text.");
                AddArgument(sql.GetArgument(index));
                i = end;
            }
        }
    }

    void AddText(char c)
    {
        if (_isBehindParameter && SqlPlace.IsOfName(c))
            throw RunsTogether();
        _isBehindParameter = false;
        _text.Append(c);
        _place.Pass(c);
    }

    void AddArgument(object? value)
    {
        if (value is FormattableString part)
        {
            Add(part);
            return;
        }
        if (_place.IsQuoted)
            throw new ArgumentException("An interpolated value of SQL stands between quotes, where it would be text: leave the quotes away. For LIKE, put the wildcards into the value.");
        if (_isBehindParameter || _place.IsBehindName)
            throw RunsTogether();
        if (value is IEnumerable<byte> and not byte[])
            throw new ArgumentException("Bytes as a parameter are a byte[] or a ReadOnlyMemory<byte>.");
        if (value is string or byte[] || value is not IEnumerable many)
        {
            AddParameter(value);
            return;
        }
        var before = _parameters.Count;
        foreach (var one in many)
        {
            if (_parameters.Count > before)
            {
                AddText(',');
                AddText(' ');
            }
            AddParameter(one);
        }
        if (_parameters.Count == before)
            throw new ArgumentException("An interpolated list of SQL is empty: IN () is not SQL. Leave the condition away where there is nothing to look for.");
    }

    void AddParameter(object? value)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"@{_prefix}{_parameters.Count}");
        _parameters.Add(ParameterValues.Of(name, value));
        _text.Append(name);
        _place.Pass('0');
        _isBehindParameter = true;
    }

    static ArgumentException RunsTogether() => new("An interpolated value of SQL stands right beside a name, a number or another value, and would become part of it: put a space between.");
}

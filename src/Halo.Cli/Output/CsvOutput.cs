using System.Buffers;
using System.Text;
using Halo.Contracts.Queries;

namespace Halo.Cli.Output;

/// <summary>CSV as the service writes it (docs/formats.md): a header, CRLF, NULL empty, empty text <c>""</c>.</summary>
sealed class CsvOutput(Stream stream) : RowOutput(stream)
{
    static readonly SearchValues<char> Quoted = SearchValues.Create(",\"\r\n");

    public override void Begin(IReadOnlyList<ResultColumn> columns)
    {
        base.Begin(columns);
        Line(columns.Select(c => c.Name));
    }

    protected override void Row(string?[] values, bool[] isText) => Line(values);

    void Line(IEnumerable<string?> values)
    {
        var isFirst = true;
        foreach (var value in values)
        {
            if (!isFirst)
                Stream.WriteByte((byte)',');
            isFirst = false;
            if (value is not null)
                Stream.Write(Encoding.UTF8.GetBytes(value.Length == 0 || value.AsSpan().ContainsAny(Quoted) ? $"\"{value.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : value));
        }
        Stream.Write("\r\n"u8);
    }
}

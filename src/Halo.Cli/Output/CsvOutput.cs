using System.Buffers;
using System.Text;
using System.Text.Json;
using Halo.Api.Results.Formats;
using Halo.Client.Rows;
using Halo.Contracts.Queries;

namespace Halo.Cli.Output;

/// <summary>CSV as the service writes it (docs/formats.md): a header, CRLF, NULL empty, empty text <c>""</c>.</summary>
/// <param name="escapesFormulas">Whether texts that a spreadsheet would take for formulas stand behind an apostrophe.</param>
sealed class CsvOutput(Stream stream, bool escapesFormulas = false) : RowOutput(stream)
{
    static readonly SearchValues<char> Quoted = SearchValues.Create(",\"\r\n");
    static readonly SearchValues<byte> QuotedBytes = SearchValues.Create(",\"\r\n"u8);

    public override void Begin(IReadOnlyList<ResultColumn> columns)
    {
        base.Begin(columns);
        Line(columns.Select(c => c.Name));
    }

    public override void Row(Row row)
    {
        for (var i = 0; i < row.Names.Length; i++)
        {
            if (i > 0)
                Stream.WriteByte((byte)',');
            if (row.IsNull(i))
                continue;
            var bytes = row.IsEscaped(i) ? Encoding.UTF8.GetBytes(row.Text(i)!) : row.Raw(i);
            var isFormula = escapesFormulas && row.KindOf(i) == JsonTokenType.String && CsvFormulas.MayBe(bytes);
            if (isFormula)
                Stream.Write(Encoding.UTF8.GetBytes(Quote($"'{Encoding.UTF8.GetString(bytes)}")));
            else if (row.KindOf(i) != JsonTokenType.String || bytes.Length > 0 && !bytes.ContainsAny(QuotedBytes))
                Stream.Write(bytes);
            else
                Stream.Write(Encoding.UTF8.GetBytes(Quote(Encoding.UTF8.GetString(bytes))));
        }
        Stream.Write("\r\n"u8);
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
            if (value is null)
                continue;
            var isFormula = escapesFormulas && CsvFormulas.MayBe(Encoding.UTF8.GetBytes(value));
            var isQuoted = isFormula || value.Length == 0 || value.AsSpan().ContainsAny(Quoted);
            Stream.Write(Encoding.UTF8.GetBytes(isQuoted ? Quote(isFormula ? "'" + value : value) : value));
        }
        Stream.Write("\r\n"u8);
    }

    static string Quote(string value) => $"\"{value.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}

using System.Buffers;
using System.Text;
using System.Text.Json;
using Halo.Client.Rows;
using Halo.Contracts.Queries;

namespace Halo.Cli.Output;

/// <summary>CSV as the service writes it (docs/formats.md): a header, CRLF, NULL empty, empty text <c>""</c>.</summary>
sealed class CsvOutput(Stream stream) : RowOutput(stream)
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
            if (row.KindOf(i) != JsonTokenType.String || bytes.Length > 0 && !bytes.ContainsAny(QuotedBytes))
                Stream.Write(bytes);
            else
                Stream.Write(Encoding.UTF8.GetBytes($"\"{Encoding.UTF8.GetString(bytes).Replace("\"", "\"\"", StringComparison.Ordinal)}\""));
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
            if (value is not null)
                Stream.Write(Encoding.UTF8.GetBytes(value.Length == 0 || value.AsSpan().ContainsAny(Quoted) ? $"\"{value.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : value));
        }
        Stream.Write("\r\n"u8);
    }
}

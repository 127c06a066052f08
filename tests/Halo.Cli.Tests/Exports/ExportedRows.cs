using System.Globalization;
using System.Text;
using System.Text.Json;
using Parquet;
using Parquet.Data;
using Parquet.Schema;

namespace Halo.Cli.Tests.Exports;

/// <summary>Reads an exported file again: columns, and each value as text; null is NULL.</summary>
static class ExportedRows
{
    public static async Task<(string[] Columns, List<string?[]> Rows)> ReadAsync(string file) => Path.GetExtension(file) switch
    {
        ".csv" => Csv(await File.ReadAllTextAsync(file)),
        ".ndjson" => Ndjson(await File.ReadAllLinesAsync(file)),
        _ => await ParquetAsync(file),
    };

    static (string[], List<string?[]>) Csv(string text)
    {
        var rows = new List<string?[]>();
        var row = new List<string?>();
        for (var i = 0; i < text.Length;)
        {
            string? value = null;
            if (text[i] == '"')
            {
                var made = new StringBuilder();
                for (i++; text[i] != '"' || i + 1 < text.Length && text[i + 1] == '"'; i++)
                {
                    made.Append(text[i]);
                    if (text[i] == '"')
                        i++;
                }
                i++;
                value = made.ToString();
            }
            else
            {
                var end = text.AsSpan(i).IndexOfAny(',', '\r') + i;
                if (end > i)
                    value = text[i..end];
                i = end;
            }
            row.Add(value);
            if (text[i++] == ',')
                continue;
            Assert.Equal('\n', text[i++]);
            rows.Add([.. row]);
            row.Clear();
        }
        Assert.Empty(row);
        return ([.. rows[0].Select(c => c!)], rows[1..]);
    }

    static (string[], List<string?[]>) Ndjson(string[] lines)
    {
        var rows = lines.Select(l => JsonDocument.Parse(l).RootElement.EnumerateObject().ToArray()).ToList();
        return (rows.Count == 0 ? [] : [.. rows[0].Select(p => p.Name)], [.. rows.Select(r => r.Select(p => p.Value.ValueKind switch
        {
            JsonValueKind.Null => null,
            JsonValueKind.String => p.Value.GetString(),
            _ => p.Value.GetRawText(),
        }).ToArray())]);
    }

    static async Task<(string[], List<string?[]>)> ParquetAsync(string file)
    {
        await using var reader = await ParquetReader.CreateAsync(file, new ParquetOptions { UseBigDecimal = false, UseDateOnlyTypeForDates = true });
        await using var exact = await ParquetReader.CreateAsync(file, new ParquetOptions { UseBigDecimal = true });
        var fields = reader.Schema.DataFields;
        var rows = new List<string?[]>();
        for (var g = 0; g < reader.RowGroupCount; g++)
        {
            using var group = reader.OpenRowGroupReader(g);
            using var exactGroup = exact.OpenRowGroupReader(g);
            var first = rows.Count;
            for (var i = 0; i < group.RowCount; i++)
                rows.Add(new string?[fields.Length]);
            for (var c = 0; c < fields.Length; c++)
            {
                var isLong = fields[c] is DecimalDataField { Precision: > 28 };
                var values = await (isLong ? ValuesAsync(exactGroup, exact.Schema.DataFields[c]) : ValuesAsync(group, fields[c]));
                for (var i = 0; i < values.Length; i++)
                    rows[first + i][c] = values[i];
            }
        }
        return ([.. fields.Select(f => f.Name)], rows);
    }

    static async Task<string?[]> ValuesAsync(ParquetRowGroupReader group, DataField field)
    {
        var type = field.ClrType;
        if (type == typeof(ReadOnlyMemory<char>) || type == typeof(string))
        {
            var texts = new string?[group.RowCount];
            await group.ReadAsync(field, texts.AsMemory());
            return texts;
        }
        if (type == typeof(ReadOnlyMemory<byte>) || type == typeof(byte[]))
        {
            var binary = new byte[]?[group.RowCount];
            await group.ReadAsync(field, binary.AsMemory());
            return [.. binary.Select(b => b is null ? null : Convert.ToBase64String(b))];
        }
        return type == typeof(bool) ? await OfAsync<bool>(v => v ? "true" : "false")
            : type == typeof(int) ? await OfAsync<int>(v => v.ToString(CultureInfo.InvariantCulture))
            : type == typeof(long) && field is TimeDataField ? await OfAsync<long>(v => TimeSpan.FromMicroseconds(v).ToString("c", CultureInfo.InvariantCulture))
            : type == typeof(long) ? await OfAsync<long>(v => v.ToString(CultureInfo.InvariantCulture))
            : type == typeof(float) ? await OfAsync<float>(v => v.ToString("R", CultureInfo.InvariantCulture))
            : type == typeof(double) ? await OfAsync<double>(v => v.ToString("R", CultureInfo.InvariantCulture))
            : type == typeof(decimal) ? await OfAsync<decimal>(v => v.ToString(CultureInfo.InvariantCulture))
            : type == typeof(BigDecimal) ? await OfAsync<BigDecimal>(v => v.ToString())
            : type == typeof(DateOnly) ? await OfAsync<DateOnly>(v => v.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture))
            : type == typeof(DateTime) ? await OfAsync<DateTime>(v => v.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture) + (((DateTimeDataField)field).IsAdjustedToUTC ? "+00:00" : ""))
            : type == typeof(Guid) ? await OfAsync<Guid>(v => v.ToString())
            : throw new InvalidOperationException($"{field.Name} is {type}.");

        async Task<string?[]> OfAsync<T>(Func<T, string> text) where T : struct
        {
            var values = new T?[group.RowCount];
            await group.ReadAsync<T>(field, values.AsMemory());
            return [.. values.Select(v => v is { } value ? text(value) : null)];
        }
    }
}

using System.Data.Common;
using System.Globalization;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Halo.Cli.Tests.Exports;

/// <summary>The same rows read from the database itself, without Halo, in the form of <see cref="ExportedRows"/>.</summary>
static class DatabaseRows
{
    public static async Task<(string[] Columns, List<string?[]> Rows)> SqliteAsync(string connectionString, string table)
    {
        await using var connection = new SqliteConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new SqliteCommand($"SELECT * FROM \"{table}\"", connection);
        await using var reader = await command.ExecuteReaderAsync();
        return await ReadAsync(reader, (value, declared) => (value, declared) switch
        {
            (long l, "BOOLEAN") => l == 1 ? "true" : "false",
            (string s, "DATETIME") => s.Replace(' ', 'T'),
            (byte[] b, _) => Convert.ToBase64String(b),
            (string s, "UUID") => s.ToLowerInvariant(),
            _ => Convert.ToString(value, CultureInfo.InvariantCulture),
        });
    }

    /// <summary>PostgreSQL writes the texts.</summary>
    public static async Task<(string[] Columns, List<string?[]> Rows)> PostgresAsync(string connectionString, string table, string[] columns)
    {
        await using var source = NpgsqlDataSource.Create(connectionString);
        await using var command = source.CreateCommand($"SET TimeZone = 'UTC'; SELECT {string.Join(", ", columns.Select(ExpressionOf))} FROM {table}");
        await using var reader = await command.ExecuteReaderAsync();
        return await ReadAsync(reader, (value, _) => (string)value);
    }

    // A cast to text loses the padding of a char.
    static string ExpressionOf(string column) => column switch
    {
        "bin" => "translate(encode(bin, 'base64'), E'\\n', '') AS bin",
        "fixed" => "rpad(fixed::text, 4) AS fixed",
        _ => $"\"{column}\"::text AS \"{column}\"",
    };

    /// <summary>Every value is there, in the same row and column.</summary>
    public static void AssertSame((string[] Columns, List<string?[]> Rows) expected, (string[] Columns, List<string?[]> Rows) actual)
    {
        Assert.Equal(expected.Columns, actual.Columns);
        Assert.Equal(expected.Rows.Count, actual.Rows.Count);
        for (var r = 0; r < expected.Rows.Count; r++)
            for (var c = 0; c < expected.Columns.Length; c++)
                Assert.True(IsSame(expected.Rows[r][c], actual.Rows[r][c]), $"{expected.Columns[c]} of row {r}: {expected.Rows[r][c] ?? "NULL"} in the database, {actual.Rows[r][c] ?? "NULL"} in the file");
    }

    /// <summary>Whether two texts are the same value: zeros at the end of a fraction, the T of a date-time and the way a double is written do not count.</summary>
    static bool IsSame(string? one, string? other)
    {
        if (one == other)
            return true;
        return one is not null && other is not null && Normal(one) == Normal(other);
    }

    static string Normal(string text)
    {
        if (text.Length >= 19 && text[4] == '-' && text[10] is ' ' or 'T' && text.Length <= 40)
        {
            text = text[..10] + 'T' + text[11..];
            return text.EndsWith("+00", StringComparison.Ordinal) ? text + ":00" : text;
        }
        if (text.Contains('e', StringComparison.OrdinalIgnoreCase) && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number))
            return number.ToString("R", CultureInfo.InvariantCulture);
        return text.Contains('.', StringComparison.Ordinal) && text.All(c => char.IsAsciiDigit(c) || c is '.' or '-' or ':') ? text.TrimEnd('0').TrimEnd('.') : text;
    }

    static async Task<(string[], List<string?[]>)> ReadAsync(DbDataReader reader, Func<object, string, string?> text)
    {
        var columns = Enumerable.Range(0, reader.FieldCount).ToArray();
        var rows = new List<string?[]>();
        while (await reader.ReadAsync())
            rows.Add([.. columns.Select(c => reader.IsDBNull(c) ? null : text(reader.GetValue(c), reader.GetDataTypeName(c)))]);
        return ([.. columns.Select(reader.GetName)], rows);
    }
}

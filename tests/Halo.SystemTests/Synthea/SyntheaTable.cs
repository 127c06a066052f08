using System.Globalization;

namespace Halo.SystemTests.Synthea;

enum ColumnKind
{
    Text,
    Uuid,
    Date,
    Timestamp,
    Integer,
    Decimal,
    Double,
}

/// <summary>One file of the sample, with the type of each column as its values have it.</summary>
sealed record SyntheaTable(string Name, string File, IReadOnlyList<string> Columns, IReadOnlyList<ColumnKind> Kinds, IReadOnlyList<string?[]> Rows)
{
    public static SyntheaTable Load(string file)
    {
        using var text = System.IO.File.OpenText(file);
        var rows = Csv.Read(text).ToList();
        string[] columns = [.. rows[0].Select(c => c!)];
        rows.RemoveAt(0);
        if (rows.FirstOrDefault(r => r.Length != columns.Length) is { } odd)
            throw new FormatException($"{file}: a row has {odd.Length} cells, the heading {columns.Length}.");
        return new(Path.GetFileNameWithoutExtension(file), file, columns,
            [.. columns.Select((_, i) => KindOf([.. rows.Select(r => r[i]).OfType<string>()]))], rows);
    }

    static ColumnKind KindOf(IReadOnlyList<string> values) => values switch
    {
        [] => ColumnKind.Text,
        _ when values.All(v => Guid.TryParseExact(v, "D", out _)) => ColumnKind.Uuid,
        _ when values.All(v => DateOnly.TryParseExact(v, "yyyy-MM-dd", out _)) => ColumnKind.Date,
        _ when values.All(v => DateTime.TryParseExact(v, "yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture, DateTimeStyles.None, out _)) => ColumnKind.Timestamp,
        _ when values.All(IsInteger) => ColumnKind.Integer,
        _ when values.All(IsDecimal) => ColumnKind.Decimal,
        _ when values.All(v => v == "NaN" || IsDecimal(v)) => ColumnKind.Double,
        _ => ColumnKind.Text,
    };

    /// <summary>A leading zero is a part of a code, not of a number.</summary>
    static bool IsInteger(string value) =>
        long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number.ToString(CultureInfo.InvariantCulture) == value;

    static bool IsDecimal(string value) =>
        decimal.TryParse(value, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
        && number.ToString(CultureInfo.InvariantCulture) == value;
}

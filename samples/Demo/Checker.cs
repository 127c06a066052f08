using System.Globalization;
using System.Text.Json;
using Microsoft.Data.Sqlite;

namespace Halo.Samples.Demo;

/// <summary>Reads the same straight from the clinic's database and compares every value.</summary>
static class Checker
{
    /// <summary>Null where all is right; otherwise the first difference.</summary>
    public static string? FirstDifference(string databaseFile, Question question, IEnumerable<JsonElement> rows)
    {
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = databaseFile, Mode = SqliteOpenMode.ReadOnly, Pooling = false }.ToString());
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = question.Sql;
        foreach (var (name, _, value) in question.Parameters)
            command.Parameters.AddWithValue(name, value);
        using var reader = command.ExecuteReader();
        var count = 0;
        foreach (var row in rows)
        {
            count++;
            if (!reader.Read())
                return $"the answer has row {count}, the database has {count - 1} rows";
            for (var i = 0; i < reader.FieldCount; i++)
            {
                var name = reader.GetName(i);
                if (!row.TryGetProperty(name, out var value))
                    return $"row {count} has no column {name}";
                if (!Same(reader.GetValue(i), value))
                    return $"row {count}, column {name}: the database has {reader.GetValue(i)}, the answer {value.GetRawText()}";
            }
        }
        return reader.Read() ? $"the answer ends after {count} rows, the database has more" : null;
    }

    static bool Same(object expected, JsonElement actual) => expected switch
    {
        DBNull => actual.ValueKind == JsonValueKind.Null,
        long number => actual.ValueKind == JsonValueKind.Number && actual.GetInt64() == number,
        double number => actual.ValueKind == JsonValueKind.Number && actual.GetDouble() == number,
        byte[] bytes => actual.ValueKind == JsonValueKind.String && actual.GetBytesFromBase64().AsSpan().SequenceEqual(bytes),
        // A column declared DATETIME is shown in ISO 8601, whatever stands between day and time in the file.
        string text => actual.ValueKind == JsonValueKind.String && (actual.GetString() == text || actual.GetString() == text.Replace(' ', 'T')),
        _ => actual.ToString() == Convert.ToString(expected, CultureInfo.InvariantCulture),
    };
}

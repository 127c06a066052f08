using System.Text;
using System.Text.Json;

namespace Halo.Api.Queries.Schemas;

/// <summary>One row of what a Link says of a catalogue: fields of one letter (<see cref="LinkProtocol.Messages.SchemaParts"/>), each a text, a number, a truth or nothing.</summary>
sealed class SchemaRow
{
    /// <summary>Of all parts together: the smallest rows that there can be would take a hundred times the memory of their JSON.</summary>
    public const int Most = 500_000;

    const string Fields = "tsnkcyudxmo";

    readonly string?[] _values = new string?[Fields.Length];

    /// <summary>A field as text; null: NULL, or absent.</summary>
    public string? this[char field] => _values[Fields.IndexOf(field, StringComparison.Ordinal)];

    /// <summary>A field that must be there.</summary>
    /// <exception cref="JsonException">It is not.</exception>
    public string Needed(char field) => this[field] ?? throw new JsonException($"Field {field} is missing.");

    /// <summary>Whether the field <c>x</c> is a number and no name.</summary>
    public bool IsNumbered { get; private set; }

    /// <summary>Whether a field is true, however the database writes that.</summary>
    public bool Is(char field) => this[field] is "true" or "1";

    /// <summary>Reads a JSON array of rows.</summary>
    /// <param name="owners">Tables or routines that there are: the rows of others are passed over. Null: these are they.</param>
    /// <param name="left">How many rows there may still be.</param>
    /// <exception cref="JsonException">It is none, or a row is no flat object.</exception>
    public static List<SchemaRow> ReadAll(ReadOnlySpan<byte> json, HashSet<string>? owners, ref int left)
    {
        var rows = new List<SchemaRow>();
        var reader = new Utf8JsonReader(json, new() { MaxDepth = 4 });
        reader.Read();
        Expect(reader.TokenType == JsonTokenType.StartArray);
        while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
        {
            Expect(--left >= 0);
            var row = Read(ref reader);
            var owner = row.Needed('t');
            if (owners is null || owners.Contains(owner))
                rows.Add(row);
        }
        Expect(reader.TokenType == JsonTokenType.EndArray && !reader.Read());
        return rows;
    }

    static SchemaRow Read(ref Utf8JsonReader reader)
    {
        var row = new SchemaRow();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.ValueSpan;
            var field = name.Length == 1 ? Fields.IndexOf((char)name[0], StringComparison.Ordinal) : -1;
            Expect(reader.Read() && reader.TokenType is JsonTokenType.String or JsonTokenType.Number or JsonTokenType.True or JsonTokenType.False or JsonTokenType.Null);
            // A newer Link's.
            if (field < 0)
                continue;
            row.IsNumbered |= Fields[field] == 'x' && reader.TokenType == JsonTokenType.Number;
            row._values[field] = reader.TokenType switch
            {
                JsonTokenType.String => TextOf(ref reader),
                JsonTokenType.Null => null,
                _ => Encoding.UTF8.GetString(reader.ValueSpan),
            };
        }
        Expect(reader.TokenType == JsonTokenType.EndObject);
        return row;
    }

    static string? TextOf(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString();
        }
        catch (InvalidOperationException e)
        {
            throw new JsonException("A text is not Unicode.", e);
        }
    }

    static void Expect(bool holds)
    {
        if (!holds)
            throw new JsonException("The rows are not those of a catalogue.");
    }
}

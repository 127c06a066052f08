using System.Buffers;
using System.Data.Common;
using System.Text;
using System.Text.Json;

namespace Halo.Link.Rows;

/// <summary>A single value as the text that a row would show: what an output parameter carries.</summary>
static class JsonScalar
{
    public static string? Read(ValueWriter writer, DbDataReader reader, int ordinal) => Read(json => writer(reader, ordinal, json));

    public static string? Read(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new() { Encoder = RowJson.Encoder, SkipValidation = true }))
            write(json);
        var value = new Utf8JsonReader(buffer.WrittenSpan);
        value.Read();
        return value.TokenType switch
        {
            JsonTokenType.Null => null,
            JsonTokenType.String => value.GetString(),
            _ => Encoding.UTF8.GetString(buffer.WrittenSpan),
        };
    }
}

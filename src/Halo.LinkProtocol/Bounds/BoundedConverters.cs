using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Halo.LinkProtocol.Bounds;

/// <summary>A text or list of a message has more than it may.</summary>
public sealed class OverBoundException(string words) : JsonException(words);

sealed class BoundedText(int bytes, bool cut, string field) : JsonConverter<string>
{
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.String)
            throw new JsonException();
        var written = reader.HasValueSequence ? reader.ValueSequence.Length : reader.ValueSpan.Length;
        // No escape is shorter than what it stands for, nor six times as long.
        if (!cut && written > 6L * bytes)
            throw Over();
        var text = reader.GetString()!;
        return written <= bytes ? text : Hold(text);
    }

    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteStringValue(Hold(value));

    string Hold(string text) => cut ? TextBound.Cut(text, bytes) : TextBound.Fits(text, bytes) ? text : throw Over();

    OverBoundException Over() => new($"{field} must have at most {bytes} bytes.");
}

sealed class BoundedList<T>(int items, bool cut, string field, JsonConverter<T>? each = null) : JsonConverter<IReadOnlyList<T>>
{
    JsonTypeInfo<T>? _type;

    public override IReadOnlyList<T>? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            throw new JsonException();
        var list = new List<T>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (list.Count < items)
                list.Add((each is null ? JsonSerializer.Deserialize(ref reader, TypeOf(options)) : each.Read(ref reader, typeof(T), options))
                    ?? throw new JsonException($"{field} must not hold null."));
            else if (cut)
                reader.Skip();
            else
                throw Over();
        }
        return list;
    }

    public override void Write(Utf8JsonWriter writer, IReadOnlyList<T> value, JsonSerializerOptions options)
    {
        if (value.Count > items && !cut)
            throw Over();
        writer.WriteStartArray();
        for (var i = 0; i < Math.Min(value.Count, items); i++)
        {
            if (each is null)
                JsonSerializer.Serialize(writer, value[i], TypeOf(options));
            else
                each.Write(writer, value[i], options);
        }
        writer.WriteEndArray();
    }

    JsonTypeInfo<T> TypeOf(JsonSerializerOptions options) => _type ??= (JsonTypeInfo<T>)options.GetTypeInfo(typeof(T));

    OverBoundException Over() => new($"{field} must have at most {items} items.");
}

sealed class BoundedBytes(int bytes, string field) : JsonConverter<byte[]>
{
    public override byte[] Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.String)
            throw new JsonException();
        // Base64 takes four characters for three bytes, each perhaps written as an escape.
        return reader.ValueSpan.Length <= 12 * bytes && reader.GetBytesFromBase64() is { } value && value.Length <= bytes ? value : throw Over();
    }

    public override void Write(Utf8JsonWriter writer, byte[] value, JsonSerializerOptions options) =>
        writer.WriteBase64StringValue(value.Length <= bytes ? value : throw Over());

    OverBoundException Over() => new($"{field} must have at most {bytes} bytes.");
}

sealed class BoundedSettings(int items, string field) : JsonConverter<IReadOnlyDictionary<string, JsonElement>>
{
    const int NameBytes = 128, ValueBytes = 256;

    public override IReadOnlyDictionary<string, JsonElement> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new JsonException();
        var settings = new Dictionary<string, JsonElement>();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (settings.Count == items || reader.ValueSpan.Length > NameBytes)
                throw Over();
            var name = reader.GetString()!;
            reader.Read();
            var value = JsonElement.ParseValue(ref reader);
            if (value.GetRawText().Length > ValueBytes)
                throw Over();
            settings[name] = value;
        }
        return settings;
    }

    public override void Write(Utf8JsonWriter writer, IReadOnlyDictionary<string, JsonElement> value, JsonSerializerOptions options)
    {
        if (value.Count > items)
            throw Over();
        writer.WriteStartObject();
        foreach (var (name, setting) in value)
        {
            writer.WritePropertyName(name);
            setting.WriteTo(writer);
        }
        writer.WriteEndObject();
    }

    OverBoundException Over() => new($"{field} must have at most {items} settings, names of {NameBytes} bytes and values of {ValueBytes}.");
}

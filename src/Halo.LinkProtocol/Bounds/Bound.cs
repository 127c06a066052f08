using System.Text.Json;
using System.Text.Json.Serialization;

namespace Halo.LinkProtocol.Bounds;

/// <summary>How much a text or list of a message may hold, and what becomes of more.</summary>
public sealed class Bound
{
    readonly Func<string, JsonConverter?> _converter;

    Bound(long most, bool isText, bool isCut, Func<string, JsonConverter?> converter) => (Most, IsText, IsCut, _converter) = (most, isText, isCut, converter);

    /// <summary>Bytes of UTF-8, or items.</summary>
    public long Most { get; }

    /// <summary>Whether it is a text, and not a list.</summary>
    public bool IsText { get; }

    /// <summary>Whether more is cut off; otherwise the message can neither be read nor sent.</summary>
    public bool IsCut { get; }

    /// <summary>A text that is limited by its message alone.</summary>
    public static Bound Message { get; } = new(ProtocolLimits.MaxFrameBytes, true, false, _ => null);

    /// <summary>A text for people: cut, and marked, where it is longer.</summary>
    public static Bound Cut(int bytes) => new(bytes, true, true, field => new BoundedText(bytes, true, field));

    /// <summary>A text that means something: with more the message cannot be read.</summary>
    public static Bound Text(int bytes) => new(bytes, true, false, field => new BoundedText(bytes, false, field));

    /// <summary>A list that is whole or not at all.</summary>
    public static Bound List<T>(int items) => new(items, false, false, field => new BoundedList<T>(items, false, field));

    /// <summary>A list of which the first items are enough.</summary>
    /// <param name="each">The bound of each, where it is a text.</param>
    public static Bound First<T>(int items, Bound? each = null) =>
        new(items, false, true, field => new BoundedList<T>(items, true, field, (JsonConverter<T>?)each?.ConverterFor(field)));

    /// <summary>Bytes in base64.</summary>
    public static Bound Bytes(int bytes) => new(bytes, false, false, field => new BoundedBytes(bytes, field));

    /// <summary>Settings by name.</summary>
    public static Bound Settings(int items) => new(items, false, false, field => new BoundedSettings(items, field));

    internal JsonConverter? ConverterFor(string field) => _converter(field);
}

using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Halo.LinkProtocol.Frames;

namespace Halo.Api.Links.Sessions;

/// <summary>The message in a frame.</summary>
static class FrameJson
{
    /// <exception cref="JsonException">It is none of that type, or null.</exception>
    public static T Read<T>(this Frame frame, JsonTypeInfo<T> type) => Read(frame.Payload, type);

    /// <inheritdoc cref="Read{T}(Frame, JsonTypeInfo{T})"/>
    public static T Read<T>(this ReadOnlyMemory<byte> json, JsonTypeInfo<T> type) =>
        JsonSerializer.Deserialize(json.Span, type) ?? throw new JsonException("The message is null.");
}

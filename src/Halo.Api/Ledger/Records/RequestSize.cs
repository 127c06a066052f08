using System.Buffers;
using System.Text.Json;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Ledger.Records;

/// <summary>What a request would take of the memory, found without taking it.</summary>
static class RequestSize
{
    /// <summary>JSON values and names of a request. The parser's table has 12 bytes for each, however short: sixteen megabytes of <c>[[],[],…</c> would take half a gigabyte.</summary>
    public const int MostValues = 2_000_000;

    /// <summary>Whether a body has more values than the parser is to be given. One that is no JSON is the parser's to refuse: it reads no further than this does.</summary>
    public static bool HasTooManyValues(ReadOnlySpan<byte> body)
    {
        // Each is followed by one of these, or is the last of all.
        if (body.Length <= MostValues || Count(body) < MostValues)
            return false;
        var reader = new Utf8JsonReader(body);
        try
        {
            for (var values = 0; reader.Read();)
            {
                if (++values > MostValues)
                    return true;
            }
        }
        catch (JsonException)
        {
            // Told by the parser, with the place.
        }
        return false;
    }

    static int Count(ReadOnlySpan<byte> body) => body.Count((byte)',') + body.Count((byte)':') + 2 * (body.Count((byte)'[') + body.Count((byte)'{'));

    /// <summary>Bytes of a command as its Link is sent it.</summary>
    public static long OnTheLine(Execute message)
    {
        var counted = new CountedBytes();
        using (var writer = new Utf8JsonWriter(counted, new() { Encoder = ProtocolJson.Default.Execute.Options.Encoder, SkipValidation = true }))
            JsonSerializer.Serialize(writer, message, ProtocolJson.Default.Execute);
        return counted.Count;
    }

    /// <summary>Bytes that are counted and written over each other.</summary>
    sealed class CountedBytes : IBufferWriter<byte>
    {
        const int UsualBytes = 64 * 1024;
        byte[] _room = [];

        public long Count { get; private set; }

        public void Advance(int count) => Count += count;

        public Memory<byte> GetMemory(int sizeHint = 0) =>
            _room.Length > 0 && _room.Length >= sizeHint ? _room : _room = GC.AllocateUninitializedArray<byte>(Math.Max(sizeHint, UsualBytes));

        public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;
    }
}

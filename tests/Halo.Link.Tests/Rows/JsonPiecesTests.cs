using System.Buffers;
using System.Text;
using System.Text.Json;
using Halo.Link.Rows;

namespace Halo.Link.Tests.Rows;

public sealed class JsonPiecesTests
{
    [Fact]
    public void Text_in_pieces_is_the_text_at_once_wherever_it_is_cut_and_whatever_is_wrong_with_it()
    {
        var random = new Random(17);
        byte[][] parts = ["a"u8.ToArray(), "é"u8.ToArray(), "漢"u8.ToArray(), "😀"u8.ToArray(), "\"\\\n\0"u8.ToArray(), [0xFF], [0xF0, 0x9F], [0xED, 0xA0, 0x80], [0xC3], [0x80]];
        for (var round = 0; round < 300; round++)
        {
            var text = Enumerable.Range(0, random.Next(1, 40)).SelectMany(_ => parts[random.Next(parts.Length)]).ToArray();
            var whole = Write(json => json.WriteStringValue(text));
            var pieces = Write(json =>
            {
                var rest = text.AsSpan();
                while (rest.Length > 0 && random.Next(8) > 0)
                {
                    var cut = random.Next(rest.Length + 1);
                    json.WriteStringValueSegment(rest[..cut], isFinalSegment: false);
                    rest = rest[cut..];
                }
                json.WriteStringValueSegment(rest, isFinalSegment: true);
            });
            Assert.Equal((Convert.ToHexString(text), whole), (Convert.ToHexString(text), pieces));
        }
    }

    [Fact]
    public void UTF_16_in_pieces_is_the_text_at_once_also_between_the_halves_of_a_pair()
    {
        var random = new Random(18);
        string[] parts = ["a", "é", "漢", "😀", "\"\\\n\0", "\uD83D", "\uDE00"];
        for (var round = 0; round < 300; round++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(1, 40)).Select(_ => parts[random.Next(parts.Length)]));
            var whole = Write(json => json.WriteStringValue(text));
            var pieces = Write(json =>
            {
                foreach (var c in text)
                    json.WriteStringValueSegment([c], isFinalSegment: false);
                json.WriteStringValueSegment(ReadOnlySpan<char>.Empty, isFinalSegment: true);
            });
            Assert.Equal(whole, pieces);
        }
    }

    [Theory]
    [InlineData(JsonPieces.Bytes)]
    [InlineData(JsonPieces.Bytes + 1)]
    [InlineData(3 * JsonPieces.Bytes + 2)]
    public void Base64_in_pieces_is_the_same(int length)
    {
        var bytes = new byte[length];
        new Random(19).NextBytes(bytes);
        Assert.Equal($"\"{Convert.ToBase64String(bytes)}\"", Write(json => JsonPieces.WriteBase64(json, bytes)));
        Assert.Equal($"\"{Convert.ToHexString(bytes)}\"", Write(json => JsonPieces.WriteText(json, Encoding.ASCII.GetBytes(Convert.ToHexString(bytes)))));
    }

    /// <summary>The sinks' smallest buffer has 64 KiB: more than half of it may be asked for by no piece, or most of it stays empty.</summary>
    [Fact]
    public void A_long_value_never_asks_for_much_room_at_once()
    {
        foreach (var value in (byte[])[(byte)'"', (byte)'\n', 1, (byte)'a', 0xFF])
        {
            var bytes = new byte[100_000];
            bytes.AsSpan().Fill(value);
            var room = new AskedRoom();
            using (var json = new Utf8JsonWriter(room, new() { Encoder = RowJson.Encoder, SkipValidation = true }))
            {
                JsonPieces.WriteText(json, bytes);
                JsonPieces.WriteBase64(json, bytes);
                JsonPieces.WriteText(json, bytes.AsSpan(0, 16 * 1024));
            }
            Assert.InRange(room.Most, 1, 32 * 1024);
        }
    }

    /// <summary>Throws away what is written, and keeps how much room was asked for at once.</summary>
    sealed class AskedRoom : IBufferWriter<byte>
    {
        public int Most { get; private set; }

        public void Advance(int count)
        {
        }

        public Memory<byte> GetMemory(int sizeHint = 0)
        {
            Most = Math.Max(Most, sizeHint);
            return new byte[Math.Max(sizeHint, 256)];
        }

        public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;
    }

    static string Write(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new() { Encoder = RowJson.Encoder, SkipValidation = true }))
            write(json);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}

using System.Buffers;
using System.Text;
using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Halo.Link.Rows;

namespace Halo.Link.Tests.Rows;

public class RowJsonTests
{
    static readonly Rune[] Interesting =
    [
        .. Enumerable.Range(0, 0x300).Select(i => new Rune(i)), new(0x2028), new(0x6F22), new(0xD7FF), new(0xE000), new(0xFEFF), new(0xFFFD), new(0xFFFF),
        new(0x10000), new(0x1F600), new(0x2A6D6), new(0x10FFFF),
    ];

    [Fact]
    public void Every_character_there_is_comes_as_itself_or_as_JSON_demands()
    {
        for (var value = 0; value <= 0x10FFFF; value++)
        {
            if (!Rune.IsValid(value))
                continue;
            var text = new Rune(value).ToString();
            var json = FromUtf8(Encoding.UTF8.GetBytes(text));
            if (value >= 0x20 && value is not '"' and not '\\')
                Assert.Equal($"\"{text}\"", json);
            Assert.Equal(text, JsonSerializer.Deserialize(json, TestJson.Default.String));
        }
    }

    [Fact]
    public void A_text_of_any_planes_reads_back_the_same_whichever_way_it_is_written() =>
        Prop.ForAll(Gen.Elements(Interesting).ArrayOf().Select(runes => string.Concat(runes)).ToArbitrary(), text =>
        {
            var json = FromUtf8(Encoding.UTF8.GetBytes(text));
            Assert.Equal(text, JsonSerializer.Deserialize(json, TestJson.Default.String));
            Assert.Equal(json, FromUtf16(text));
            Assert.DoesNotContain("\\uD", json, StringComparison.Ordinal);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void What_is_no_Unicode_becomes_replacement_characters_as_NET_has_them() =>
        Prop.ForAll(Gen.Elements<char>('a', '"', '\n', 'é', '漢', '\uD83D', '\uDE00', '\uDFFF', '\uD800').ArrayOf().Select(c => new string(c)).ToArbitrary(), text =>
            Assert.Equal(Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)), JsonSerializer.Deserialize(FromUtf16(text), TestJson.Default.String)))
            .QuickCheckThrowOnFailure();

    [Fact]
    public void Bytes_that_are_no_UTF8_become_replacement_characters_as_NET_has_them() =>
        Prop.ForAll(Gen.Elements<byte>(0x22, 0x41, 0x0A, 0x80, 0xBF, 0xC3, 0xA9, 0xE6, 0xBC, 0xA2, 0xED, 0xA0, 0xF0, 0x9F, 0x98, 0xFF).ArrayOf().ToArbitrary(), bytes =>
            Assert.Equal(Encoding.UTF8.GetString(bytes), JsonSerializer.Deserialize(FromUtf8(bytes), TestJson.Default.String)))
            .QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(64)]
    public void Piece_by_piece_it_is_the_same(int room)
    {
        var source = Encoding.UTF8.GetBytes("plain \"quoted\" \u0001 é漢😀\n end");
        var whole = new StringBuilder();
        var piece = new byte[room];
        for (var offset = 0; offset < source.Length;)
        {
            var status = RowJson.Encoder.EncodeUtf8(source.AsSpan(offset), piece, out var consumed, out var written);
            if (consumed == 0)
            {
                Assert.Equal(OperationStatus.DestinationTooSmall, status);
                Assert.True(room < 6);
                return;
            }
            whole.Append(Encoding.UTF8.GetString(piece.AsSpan(0, written)));
            offset += consumed;
        }
        Assert.Equal("""plain \"quoted\" \u0001 é漢😀\n end""", whole.ToString());
    }

    static string FromUtf8(byte[] text) => Write(json => json.WriteStringValue(text));

    static string FromUtf16(string text) => Write(json => json.WriteStringValue(text));

    static string Write(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new() { Encoder = RowJson.Encoder, SkipValidation = true }))
            write(json);
        return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(buffer.WrittenSpan);
    }
}

[System.Text.Json.Serialization.JsonSerializable(typeof(string))]
sealed partial class TestJson : System.Text.Json.Serialization.JsonSerializerContext;

using Halo.Line.Logging;

namespace Halo.Line.Tests.Logging;

public class VisibleTextTests
{
    [Theory]
    [InlineData("Main Street Clinic", "Main Street Clinic")]
    [InlineData("", "")]
    [InlineData(null, "")]
    [InlineData("Zürich 診療所 😀 C:\\new", "Zürich 診療所 😀 C:\\new")]
    [InlineData("a\nb\r\nc\td", "a\\nb\\r\\nc\\td")]
    [InlineData("\u001B[2J\u0007\b\u0000\u007F", "\\u001B[2J\\u0007\\u0008\\u0000\\u007F")]
    [InlineData("a\u0085b\u009Bc", "a\\u0085b\\u009Bc")]
    [InlineData("a\u2028b\u2029c", "a\\u2028b\\u2029c")]
    [InlineData("\u202Egpj.exe\u202C \u2066x\u2069 \u200E\u200F\u061C", "\\u202Egpj.exe\\u202C \\u2066x\\u2069 \\u200E\\u200F\\u061C")]
    [InlineData("a\u200Bb\uFEFFc", "a\\u200Bb\\uFEFFc")]
    [InlineData("x\U000E0041y", "x\\uDB40\\uDC41y")]
    public void What_a_terminal_would_obey_or_hide_is_written_as_an_escape(string? text, string seen) => Assert.Equal(seen, VisibleText.Of(text));

    [Fact]
    public void Half_a_character_is_written_as_an_escape() => Assert.Equal("a\\uD800b\\uDC00", VisibleText.Of("a\uD800b\uDC00"));
}

using System.Buffers.Text;

namespace Halo.Api.Results.Formats;

/// <summary>CSV texts that a spreadsheet would take for formulas.</summary>
static class CsvFormulas
{
    /// <summary>Whether a spreadsheet may take a text for a formula: by its first character, unless all of it is a number as <c>-12.50</c>.</summary>
    public static bool MayBe(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty)
            return false;
        if (text[0] == '-')
            return !IsNumber(text[1..]);
        // The last four are the full-width = + - @.
        return text[0] is (byte)'=' or (byte)'+' or (byte)'@' or (byte)'\t' or (byte)'\r' or (byte)'\n'
            || text.StartsWith("\uFF1D"u8) || text.StartsWith("\uFF0B"u8) || text.StartsWith("\uFF0D"u8) || text.StartsWith("\uFF20"u8);
    }

    static bool IsNumber(ReadOnlySpan<byte> text) =>
        !text.IsEmpty && char.IsAsciiDigit((char)text[0]) && Utf8Parser.TryParse(text, out double _, out var read) && read == text.Length;
}

using System.Globalization;

namespace Halo.Cli.Shell.Editing;

/// <summary>Text with a cursor, which goes by whole letters: marks and surrogates are never torn from theirs.</summary>
sealed class EditedText
{
    public string Text { get; private set; } = "";

    public int Cursor { get; private set; }

    public string Before => Text[..Cursor];

    public string After => Text[Cursor..];

    /// <summary>Other text, with the cursor behind it.</summary>
    public void Set(string text) => (Text, Cursor) = (text, text.Length);

    public void Insert(string text) => (Text, Cursor) = (Text.Insert(Cursor, text), Cursor + text.Length);

    /// <summary>Replaces what stands between there and the cursor.</summary>
    public void ReplaceFrom(int start, string text) => (Text, Cursor) = (Text[..start] + text + After, start + text.Length);

    public void Left() => Cursor = Previous();

    public void Right() => Cursor = Next();

    /// <summary>To the beginning of the line that the cursor is in.</summary>
    public void Home() => Cursor = Cursor == 0 ? 0 : Text.LastIndexOf('\n', Cursor - 1) + 1;

    /// <summary>To its end.</summary>
    public void End() => Cursor = Text.IndexOf('\n', Cursor) is >= 0 and var end ? end : Text.Length;

    public void WordLeft() => Cursor = WordStart();

    public void WordRight()
    {
        while (Cursor < Text.Length && !char.IsLetterOrDigit(Text[Cursor]))
            Cursor++;
        while (Cursor < Text.Length && char.IsLetterOrDigit(Text[Cursor]))
            Cursor++;
    }

    public void Backspace() => RemoveFrom(Previous());

    public void Delete() => Text = Text.Remove(Cursor, Next() - Cursor);

    public void RemoveWord() => RemoveFrom(WordStart());

    public void RemoveToStart() => RemoveFrom(Text.LastIndexOf('\n', Math.Max(0, Cursor - 1)) is >= 0 and var at && at < Cursor ? at + 1 : 0);

    public void RemoveToEnd() => Text = Text[..Cursor] + (Text.IndexOf('\n', Cursor) is >= 0 and var end ? Text[end..] : "");

    void RemoveFrom(int start) => ReplaceFrom(start, "");

    int Previous()
    {
        var starts = StringInfo.ParseCombiningCharacters(Text);
        var at = Array.BinarySearch(starts, Cursor);
        var place = at >= 0 ? at : ~at;
        return place == 0 ? 0 : starts[place - 1];
    }

    int Next() => Cursor == Text.Length ? Cursor : Cursor + StringInfo.GetNextTextElementLength(Text, Cursor);

    int WordStart()
    {
        var at = Cursor;
        while (at > 0 && !char.IsLetterOrDigit(Text[at - 1]))
            at--;
        while (at > 0 && char.IsLetterOrDigit(Text[at - 1]))
            at--;
        return at;
    }
}

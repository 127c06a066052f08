using System.Globalization;
using System.Text;
using Halo.Cli.Output;

namespace Halo.Cli.Shell.Editing;

/// <summary>Draws what is being typed over what it drew before, also where that goes over several rows of the terminal.</summary>
sealed class LineView(TextWriter terminal)
{
    // Rows between the first one drawn and the cursor.
    int _row;

    /// <summary>Draws the text behind its prompt, and puts the cursor at its place.</summary>
    /// <param name="nextPrompt">Stands before each further line.</param>
    public void Draw(string prompt, string nextPrompt, string text, int cursor)
    {
        var width = Math.Max(2, Console.BufferWidth);
        var made = new StringBuilder();
        Clear(made);
        var (row, column) = (0, 0);
        var (cursorRow, cursorColumn) = (0, 0);
        Put(prompt);
        var at = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            if (at == cursor)
                (cursorRow, cursorColumn) = (row, column);
            at += rune.Utf16SequenceLength;
            if (rune.Value == '\n')
            {
                Break();
                Put(nextPrompt);
            }
            else
                Put(rune.ToString());
        }
        if (at == cursor)
            (cursorRow, cursorColumn) = (row, column);
        Up(made, row - cursorRow);
        made.Append('\r');
        if (cursorColumn > 0)
            made.Append(CultureInfo.InvariantCulture, $"\e[{cursorColumn}C");
        _row = cursorRow;
        terminal.Write(made);
        terminal.Flush();

        void Put(string letters)
        {
            foreach (var rune in letters.EnumerateRunes())
            {
                // What would steer the terminal, and what was half pasted, has one place and no effect.
                var shown = Rune.IsControl(rune) ? new Rune(' ') : rune;
                var wide = TextWidth.Of(shown);
                if (column + wide > width)
                    Break();
                made.Append(shown.ToString());
                column += wide;
            }
            // A full row: terminals differ in where the cursor is then.
            if (column == width)
                Break();
        }

        void Break()
        {
            made.Append("\r\n");
            (row, column) = (row + 1, 0);
        }
    }

    /// <summary>Leaves what is drawn, and goes on in the row below it.</summary>
    public void Leave(string prompt, string nextPrompt, string text)
    {
        Draw(prompt, nextPrompt, text, text.Length);
        terminal.Write("\r\n");
        terminal.Flush();
        _row = 0;
    }

    /// <summary>Writes lines below what is drawn; the next drawing is below them.</summary>
    public void Write(string lines)
    {
        terminal.Write("\r\n" + lines);
        terminal.Flush();
        _row = 0;
    }

    void Clear(StringBuilder made)
    {
        Up(made, _row);
        made.Append("\r\e[J");
    }

    static void Up(StringBuilder made, int rows)
    {
        if (rows > 0)
            made.Append(CultureInfo.InvariantCulture, $"\e[{rows}A");
    }
}

using System.Text;
using Halo.Cli.Output;

namespace Halo.Cli.Shell.Editing;

/// <summary>How typing a line ended.</summary>
enum LineEnd
{
    Entered,

    /// <summary>By Ctrl+C.</summary>
    Interrupted,

    /// <summary>By Ctrl+D.</summary>
    EndOfInput,
}

/// <summary>Reads a line from a terminal, with history and completion. Libraries for it were unkept or previews when it was written.</summary>
/// <param name="complete">Given the line before and behind the cursor: where the word begins, and what it may become.</param>
sealed class LineEditor(TextWriter terminal, History history, Func<string, string, (int Start, List<string> Candidates)> complete)
{
    const int MostCandidates = 100;

    readonly LineView _view = new(terminal);
    readonly EditedText _line = new();
    string _prompt = "", _nextPrompt = "", _draft = "";
    int _place;

    public (LineEnd End, string Line) Read(string prompt, string nextPrompt)
    {
        (_prompt, _nextPrompt, _place, _draft) = (prompt, nextPrompt, history.All.Count, "");
        _line.Set("");
        // As a key it leaves the line; while a query runs it is a signal.
        Console.TreatControlCAsInput = true;
        try
        {
            while (true)
            {
                Draw();
                var key = Console.ReadKey(intercept: true);
                if (key is { Key: ConsoleKey.R, Modifiers: ConsoleModifiers.Control })
                    key = Search();
                if (EndOf(key) is { } end)
                {
                    _view.Leave(_prompt, _nextPrompt, end == LineEnd.Interrupted ? _line.Text + "^C" : _line.Text);
                    return (end, _line.Text);
                }
                Edit(key);
            }
        }
        finally
        {
            Console.TreatControlCAsInput = false;
        }
    }

    void Draw() => _view.Draw(_prompt, _nextPrompt, _line.Text, _line.Cursor);

    LineEnd? EndOf(ConsoleKeyInfo key) => key switch
    {
        { Key: ConsoleKey.Enter } or { KeyChar: '\n' or '\r' } => LineEnd.Entered,
        { Key: ConsoleKey.C, Modifiers: ConsoleModifiers.Control } => LineEnd.Interrupted,
        { Key: ConsoleKey.D, Modifiers: ConsoleModifiers.Control } when _line.Text.Length == 0 => LineEnd.EndOfInput,
        _ => null,
    };

    void Edit(ConsoleKeyInfo key)
    {
        var isControl = key.Modifiers.HasFlag(ConsoleModifiers.Control);
        var isWord = isControl || key.Modifiers.HasFlag(ConsoleModifiers.Alt);
        Action? edit = key.Key switch
        {
            ConsoleKey.LeftArrow => isWord ? _line.WordLeft : _line.Left,
            ConsoleKey.RightArrow => isWord ? _line.WordRight : _line.Right,
            ConsoleKey.B when isControl => _line.Left,
            ConsoleKey.F when isControl => _line.Right,
            ConsoleKey.B when isWord => _line.WordLeft,
            ConsoleKey.F when isWord => _line.WordRight,
            ConsoleKey.Home => _line.Home,
            ConsoleKey.A when isControl => _line.Home,
            ConsoleKey.End => _line.End,
            ConsoleKey.E when isControl => _line.End,
            ConsoleKey.Backspace when isWord => _line.RemoveWord,
            ConsoleKey.Backspace => _line.Backspace,
            ConsoleKey.H when isControl => _line.Backspace,
            ConsoleKey.Delete => _line.Delete,
            ConsoleKey.D when isControl => _line.Delete,
            ConsoleKey.W when isControl => _line.RemoveWord,
            ConsoleKey.U when isControl => _line.RemoveToStart,
            ConsoleKey.K when isControl => _line.RemoveToEnd,
            ConsoleKey.L when isControl => () => terminal.Write("\e[H\e[2J"),
            ConsoleKey.UpArrow => () => Recall(_place - 1),
            ConsoleKey.P when isControl => () => Recall(_place - 1),
            ConsoleKey.DownArrow => () => Recall(_place + 1),
            ConsoleKey.N when isControl => () => Recall(_place + 1),
            ConsoleKey.Tab => Complete,
            _ => null,
        };
        if (edit is not null)
            edit();
        // Escape and the keys that have no meaning here are control characters.
        else if (!char.IsControl(key.KeyChar))
            _line.Insert(Character(key.KeyChar));
    }

    /// <summary>Both halves of a character that has two.</summary>
    static string Character(char first) => char.IsHighSurrogate(first) && Console.KeyAvailable ? $"{first}{Console.ReadKey(intercept: true).KeyChar}" : $"{first}";

    void Recall(int place)
    {
        if (place < 0 || place > history.All.Count)
            return;
        if (_place == history.All.Count)
            _draft = _line.Text;
        _place = place;
        _line.Set(place == history.All.Count ? _draft : history.All[place]);
    }

    void Complete()
    {
        // Pasted text has tabs that ask for nothing; they may stand in a value.
        if (Console.KeyAvailable)
        {
            _line.Insert("\t");
            return;
        }
        var (start, candidates) = complete(_line.Before, _line.After);
        if (candidates.Count == 0)
            return;
        var prefix = Completion.CommonPrefix(candidates);
        if (candidates.Count == 1 || prefix.Length > _line.Cursor - start)
            _line.ReplaceFrom(start, candidates.Count == 1 ? candidates[0] : prefix);
        else
            List(candidates);
    }

    void List(List<string> candidates)
    {
        var shown = candidates.Take(MostCandidates).Select(Printable.Of).ToList();
        var width = shown.Max(TextWidth.Of) + 2;
        var perLine = Math.Max(1, Console.BufferWidth / width);
        var made = new StringBuilder();
        foreach (var line in shown.Chunk(perLine))
            made.Append(string.Concat(line.Select(c => c + new string(' ', width - TextWidth.Of(c)))).TrimEnd()).Append("\r\n");
        if (candidates.Count > MostCandidates)
            made.Append(System.Globalization.CultureInfo.InvariantCulture, $"… and {candidates.Count - MostCandidates} more\r\n");
        _line.End();
        Draw();
        _view.Write(made.ToString());
    }

    /// <summary>Ctrl+R: the last statement that has what is typed; Ctrl+R again: the one before it.</summary>
    /// <returns>The key that ended it, which does what it does everywhere.</returns>
    ConsoleKeyInfo Search()
    {
        var (wanted, place) = ("", history.All.Count);
        while (true)
        {
            _view.Draw($"search '{wanted}': ", _nextPrompt, _line.Text, _line.Cursor);
            var key = Console.ReadKey(intercept: true);
            if (key is { Key: ConsoleKey.R, Modifiers: ConsoleModifiers.Control })
                Find(place - 1);
            else if (key.Key == ConsoleKey.Backspace && wanted.Length > 0)
                wanted = wanted[..^1];
            else if (!char.IsControl(key.KeyChar))
            {
                wanted += key.KeyChar;
                Find(Math.Min(place, history.All.Count - 1));
            }
            else
                return key;
        }

        void Find(int from)
        {
            for (var i = Math.Min(from, history.All.Count - 1); i >= 0 && wanted.Length > 0; i--)
            {
                if (!history.All[i].Contains(wanted, StringComparison.OrdinalIgnoreCase))
                    continue;
                (place, _place) = (i, i);
                _line.Set(history.All[i]);
                return;
            }
        }
    }
}

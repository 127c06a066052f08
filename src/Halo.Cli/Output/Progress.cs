using System.Globalization;

namespace Halo.Cli.Output;

/// <summary>How far an export is, in place, on a terminal alone.</summary>
/// <param name="title">What is exported; empty: nothing stands before the numbers.</param>
/// <param name="allRows">Rows that there are.</param>
/// <param name="allBytes">Bytes of them, as JSON.</param>
sealed class Progress(string title, long allRows, long allBytes, TimeProvider time)
{
    static readonly TimeSpan Every = TimeSpan.FromMilliseconds(200);

    readonly bool _isShown = !Console.IsErrorRedirected;
    readonly long _began = time.GetTimestamp();
    long _rows, _bytes, _shown = time.GetTimestamp();
    bool _isThere;

    /// <summary>Says what is waited for, until that is there.</summary>
    public static async Task<T> WhileAsync<T>(string text, Task<T> awaited)
    {
        if (Console.IsErrorRedirected)
            return await awaited;
        Console.Error.Write($"\r{Fit(text)}\e[K");
        try
        {
            return await awaited;
        }
        finally
        {
            Console.Error.Write("\r\e[K");
        }
    }

    /// <param name="bytes">Of the row, as JSON.</param>
    public void Step(int bytes)
    {
        _rows++;
        _bytes += bytes;
        if (!_isShown || _rows % 256 != 0 || time.GetElapsedTime(_shown) < Every)
            return;
        _shown = time.GetTimestamp();
        _isThere = true;
        Console.Error.Write($"\r{Line()}\e[K");
    }

    public void End()
    {
        if (_isThere)
            Console.Error.Write("\r\e[K");
    }

    /// <summary>Bytes with a unit: 1.2 MB.</summary>
    public static string Size(double bytes)
    {
        string[] units = ["bytes", "KB", "MB", "GB", "TB"];
        var unit = 0;
        for (; bytes >= 1000 && unit < units.Length - 1; unit++)
            bytes /= 1000;
        return bytes.ToString(unit == 0 ? "0" : "0.0", CultureInfo.InvariantCulture) + " " + units[unit];
    }

    public static string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    string Line()
    {
        var seconds = Math.Max(0.001, time.GetElapsedTime(_began).TotalSeconds);
        var done = allRows > 0 ? (double)_rows / allRows : 1;
        var left = TimeSpan.FromSeconds(seconds / Math.Max(done, 1e-9) - seconds);
        var filled = (int)(done * 20);
        var text = $"{title} [{new string('#', filled)}{new string('.', 20 - filled)}] {done * 100:0}%  {Number(_rows)} of {Number(allRows)} rows, {Size(_bytes)} of {Size(allBytes)}, {Size(_bytes / seconds)}/s, {(int)left.TotalMinutes}:{left.Seconds:00} left".TrimStart();
        return Fit(text);
    }

    static string Fit(string text)
    {
        var width = Console.BufferWidth;
        return width > 1 && text.Length >= width ? text[..(width - 1)] : text;
    }
}

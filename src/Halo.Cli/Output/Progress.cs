namespace Halo.Cli.Output;

/// <summary>Rows so far, in place, on a terminal alone.</summary>
sealed class Progress(long all)
{
    const int Every = 10_000;

    readonly bool _isShown = !Console.IsErrorRedirected;
    long _rows;

    public void Step()
    {
        if (++_rows % Every == 0 && _isShown)
            Console.Error.Write($"\r{_rows} of {all} rows");
    }

    public void End()
    {
        if (_isShown && _rows >= Every)
            Console.Error.Write("\r\e[K");
    }
}

using System.Runtime.InteropServices;

namespace Halo.Cli.Shell;

/// <summary>Ctrl+C, and the end that the system asks for: what runs is cancelled, so that it is cancelled at the practice too.</summary>
sealed class Interrupts : IDisposable
{
    readonly Lock _lock = new();
    readonly List<PosixSignalRegistration> _signals = [];
    CancellationTokenSource? _running;

    /// <param name="isInteractive">At a terminal Ctrl+C never ends the program: it may come just as a statement has ended.</param>
    public Interrupts(bool isInteractive)
    {
        _signals.Add(PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => signal.Cancel = Cancel() || isInteractive));
        foreach (var end in (PosixSignal[])[PosixSignal.SIGTERM, PosixSignal.SIGHUP])
            _signals.Add(PosixSignalRegistration.Create(end, signal =>
            {
                IsEnding = true;
                // Where nothing runs, it ends the program as ever.
                signal.Cancel = Cancel();
            }));
    }

    /// <summary>The system asked the program to end.</summary>
    public bool IsEnding { get; private set; }

    /// <summary>Runs something that Ctrl+C cancels.</summary>
    public async Task<T> RunAsync<T>(Func<CancellationToken, Task<T>> run)
    {
        using var running = new CancellationTokenSource();
        lock (_lock)
            _running = running;
        try
        {
            return await run(running.Token);
        }
        finally
        {
            lock (_lock)
                _running = null;
        }
    }

    public void Dispose() => _signals.ForEach(s => s.Dispose());

    /// <returns>Whether there was something to cancel.</returns>
    bool Cancel()
    {
        lock (_lock)
        {
            _running?.Cancel();
            return _running is not null;
        }
    }
}

using System.Collections.Concurrent;
using System.Globalization;

namespace Halo.SystemTests.Fuzz;

/// <summary>Fires the shots of a run from many callers at once, and keeps what came of them.</summary>
sealed class Volley(Uri address, Spoiling spoiling)
{
    const int Callers = 24;

    /// <summary>A shot that may be no whole request gets this long to be answered before its caller says that nothing more comes.</summary>
    static readonly TimeSpan ForAnswer = TimeSpan.FromMilliseconds(100);

    /// <summary>Longer than any limit that a query has here (wait, limits, patience with a database), on a loaded machine.</summary>
    static readonly TimeSpan Hangs = TimeSpan.FromSeconds(120);

    readonly ConcurrentDictionary<int, int> _statuses = new();
    int _next;
    int _unanswered;

    public ConcurrentQueue<string> Faults { get; } = new();

    /// <summary>How often each status was the answer.</summary>
    public string Statuses => string.Join(", ", _statuses.OrderBy(s => s.Key).Select(s => string.Create(CultureInfo.InvariantCulture, $"{s.Key}: {s.Value}")))
        + $", left or no request: {_unanswered}";

    public int Successes => _statuses.GetValueOrDefault(200);

    public async Task FireAsync(int upTo) => await Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => Task.Run(async () =>
    {
        Wire? wire = null;
        for (var number = Interlocked.Increment(ref _next) - 1; number < upTo && Faults.Count < 20; number = Interlocked.Increment(ref _next) - 1)
            wire = await FireOneAsync(number, wire);
        wire?.Dispose();
        // The number that was taken and not fired is the next one's.
        Interlocked.Decrement(ref _next);
    })));

    async Task<Wire?> FireOneAsync(int number, Wire? wire)
    {
        using var limit = new CancellationTokenSource(Hangs);
        var shot = await spoiling.MakeAsync(number);
        try
        {
            if (shot.Malformed || shot.Abandoned)
            {
                using var own = await Wire.OpenAsync(address, limit.Token);
                await FireStrangeAsync(number, shot, own, limit.Token);
                return wire;
            }
            wire ??= await Wire.OpenAsync(address, limit.Token);
            await wire.SendAsync(shot.Bytes, limit.Token);
            if (await wire.ReadAsync(!shot.Head, limit.Token) is { } response)
            {
                Judge(number, shot, response);
                if (!response.Closes && response.Status != 101)
                    return wire;
            }
            else
            {
                Blame(number, shot, "no answer");
            }
        }
        catch (OperationCanceledException)
        {
            Blame(number, shot, "no end");
        }
        catch (Exception e) when (e is IOException or InvalidDataException or FormatException or System.Net.Sockets.SocketException)
        {
            if (!shot.Malformed && !shot.Abandoned)
                Blame(number, shot, e.GetType().Name + ": " + e.Message);
        }
        wire?.Dispose();
        return null;
    }

    async Task FireStrangeAsync(int number, FuzzShot shot, Wire wire, CancellationToken stop)
    {
        await wire.SendAsync(shot.Bytes, stop);
        if (shot.Abandoned)
        {
            Interlocked.Increment(ref _unanswered);
            return;
        }
        var answered = false;
        var reading = wire.ReadAsync(!shot.Head, stop);
        if (await Task.WhenAny(reading, Task.Delay(ForAnswer, stop)) != reading)
            wire.EndSending();
        while (await reading is { } response)
        {
            answered = true;
            Judge(number, shot, response);
            if (response.Status == 101)
                break;
            reading = wire.ReadAsync(!shot.Head, stop);
            if (!reading.IsCompleted)
                wire.EndSending();
        }
        if (!answered)
            Interlocked.Increment(ref _unanswered);
    }

    void Judge(int number, FuzzShot shot, WireResponse response)
    {
        _statuses.AddOrUpdate(response.Status, 1, (_, count) => count + 1);
        if (Verdict.Fault(response, shot.Head, shot.Malformed) is { } fault)
            Blame(number, shot, $"{fault}: {response}");
    }

    void Blame(int number, FuzzShot shot, string fault) => Faults.Enqueue($"--- shot {number}: {fault}\n{shot}\n");
}

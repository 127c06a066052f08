using Halo.Link.Engines;
using Halo.Testing;

namespace Halo.Link.Tests.Engines.Connections;

/// <summary>What a driver throws when its token is cancelled reaches nobody who cancels.</summary>
public sealed class DriverCancellationTests
{
    readonly ManualTime _time = new();

    [Fact]
    public async Task Whoever_asks_gets_nothing_of_what_a_driver_throws()
    {
        using var asked = new CancellationTokenSource();
        using var cancellation = new DriverCancellation(_time, asked.Token);
        var called = Throwing(cancellation);
        await asked.CancelAsync();
        await called;
    }

    [Fact]
    public async Task A_limit_that_is_over_throws_on_no_timers_thread()
    {
        using var cancellation = new DriverCancellation(_time);
        var called = Throwing(cancellation);
        cancellation.CancelAfter(TimeSpan.FromSeconds(5));
        _time.Advance(TimeSpan.FromSeconds(4.9));
        Assert.False(cancellation.Token.IsCancellationRequested);
        _time.Advance(TimeSpan.FromSeconds(0.2));
        Assert.True(cancellation.Token.IsCancellationRequested);
        await called;
    }

    [Fact]
    public void After_its_end_nothing_is_cancelled_any_more()
    {
        using var asked = new CancellationTokenSource();
        var cancellation = new DriverCancellation(_time, asked.Token);
        cancellation.CancelAfter(TimeSpan.FromSeconds(5));
        var token = cancellation.Token;
        cancellation.Dispose();
        cancellation.Cancel();
        asked.Cancel();
        _time.Advance(TimeSpan.FromSeconds(6));
        Assert.False(token.IsCancellationRequested);
    }

    static Task Throwing(DriverCancellation cancellation)
    {
        var called = new TaskCompletionSource();
        cancellation.Token.Register(() =>
        {
            called.SetResult();
            throw new ObjectDisposedException("a driver's lock");
        });
        return called.Task;
    }
}

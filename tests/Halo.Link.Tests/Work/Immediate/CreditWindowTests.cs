using Halo.Link.Work.Immediate;

namespace Halo.Link.Tests.Work.Immediate;

public class CreditWindowTests
{
    [Fact]
    public async Task What_was_granted_can_be_taken_and_no_more()
    {
        var credit = new CreditWindow(100);
        Assert.True(credit.TakeAsync(100, default).IsCompletedSuccessfully);
        var waiting = credit.TakeAsync(10, default).AsTask();
        credit.Add(9);
        Assert.False(waiting.IsCompleted);
        credit.Add(1);
        await waiting;
        Assert.False(credit.TakeAsync(1, default).IsCompleted);
    }

    [Fact]
    public async Task Who_waits_can_be_stopped()
    {
        var credit = new CreditWindow(0);
        using var stop = new CancellationTokenSource();
        var waiting = credit.TakeAsync(1, stop.Token).AsTask();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }
}

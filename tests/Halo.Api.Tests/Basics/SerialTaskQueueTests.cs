using Halo.Api.Basics;

namespace Halo.Api.Tests.Basics;

public class SerialTaskQueueTests
{
    [Fact]
    public async Task The_end_waits_for_what_runs_and_lets_nothing_more_begin()
    {
        var work = new SerialTaskQueue();
        var (begun, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        var done = new List<int>();
        _ = work.Add(async () =>
        {
            begun.SetResult();
            await go.Task;
            done.Add(1);
        });
        _ = work.Add(() =>
        {
            done.Add(2);
            return Task.CompletedTask;
        });
        await begun.Task;
        var end = work.EndAsync();
        _ = work.Add(() =>
        {
            done.Add(3);
            return Task.CompletedTask;
        });
        Assert.False(end.IsCompleted);
        go.SetResult();
        await end;
        Assert.Equal([1], done);
    }
}

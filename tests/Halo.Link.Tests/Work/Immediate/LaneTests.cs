using FsCheck;
using FsCheck.Fluent;
using Halo.Link.Sites;
using Halo.Link.Work.Immediate;
using Halo.Testing;

namespace Halo.Link.Tests.Work.Immediate;

public class LaneTests
{
    static readonly TimeSpan Long = TimeSpan.FromMinutes(1);
    readonly ManualTime _time = new();

    [Fact]
    public async Task The_integrator_served_least_recently_goes_first()
    {
        var lane = new Lane(1, _time);
        var (greedy, modest) = (Guid.NewGuid(), Guid.NewGuid());
        await lane.EnterAsync(greedy, Long, default);
        var second = lane.EnterAsync(greedy, Long, default).AsTask();
        var third = lane.EnterAsync(greedy, Long, default).AsTask();
        var other = lane.EnterAsync(modest, Long, default).AsTask();
        lane.Leave();
        Assert.Equal(LaneEntry.Entered, await other);
        Assert.False(second.IsCompleted);
        lane.Leave();
        Assert.Equal(LaneEntry.Entered, await second);
        lane.Leave();
        Assert.Equal(LaneEntry.Entered, await third);
    }

    [Fact]
    public async Task Zero_means_at_once_or_not_at_all()
    {
        var lane = new Lane(1, _time);
        Assert.Equal(LaneEntry.Entered, await lane.EnterAsync(Guid.NewGuid(), TimeSpan.Zero, default));
        Assert.Equal(LaneEntry.Expired, await lane.EnterAsync(Guid.NewGuid(), TimeSpan.Zero, default));
    }

    [Fact]
    public async Task A_lane_that_grows_serves_who_waits_and_one_that_shrinks_waits_for_who_runs()
    {
        var lane = new Lane(1, _time);
        await lane.EnterAsync(Guid.NewGuid(), Long, default);
        var waiting = Enumerable.Range(0, 3).Select(_ => lane.EnterAsync(Guid.NewGuid(), Long, default).AsTask()).ToArray();
        lane.Resize(3);
        await Task.WhenAll(waiting[..2]);
        Assert.Equal((3, 1), (lane.Running, lane.Waiting));
        lane.Resize(1);
        lane.Leave();
        lane.Leave();
        Assert.Equal((1, 1), (lane.Running, lane.Waiting));
        Assert.False(waiting[2].IsCompleted);
        lane.Leave();
        Assert.Equal(LaneEntry.Entered, await waiting[2]);
        Assert.Equal((1, 0), (lane.Running, lane.Waiting));
    }

    [Fact]
    public async Task Who_waits_too_long_expires_and_takes_no_place()
    {
        var lane = new Lane(1, _time);
        await lane.EnterAsync(Guid.NewGuid(), Long, default);
        var waiting = lane.EnterAsync(Guid.NewGuid(), TimeSpan.FromSeconds(5), default).AsTask();
        _time.Advance(TimeSpan.FromSeconds(4));
        Assert.False(waiting.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(LaneEntry.Expired, await waiting);
        Assert.Equal((1, 0), (lane.Running, lane.Waiting));
        lane.Leave();
        Assert.Equal(LaneEntry.Entered, await lane.EnterAsync(Guid.NewGuid(), TimeSpan.Zero, default));
    }

    [Fact]
    public async Task Who_is_cancelled_while_waiting_takes_no_place()
    {
        var lane = new Lane(1, _time);
        await lane.EnterAsync(Guid.NewGuid(), Long, default);
        using var cancel = new CancellationTokenSource();
        var waiting = lane.EnterAsync(Guid.NewGuid(), Long, cancel.Token).AsTask();
        await cancel.CancelAsync();
        Assert.Equal(LaneEntry.Cancelled, await waiting);
        lane.Leave();
        Assert.Equal((0, 0), (lane.Running, lane.Waiting));
    }

    [Fact]
    public async Task Who_may_not_enter_yet_keeps_nobody_else_waiting_and_enters_when_it_may()
    {
        var lane = new Lane(2, _time);
        var (limited, other) = (Guid.NewGuid(), Guid.NewGuid());
        var places = new PracticeConcurrency();
        places.Freed += _ => lane.Offer();
        bool MayEnter() => places.TryEnter(Guid.Empty, limited, 1);
        Assert.Equal(LaneEntry.Entered, await lane.EnterAsync(limited, Long, default, MayEnter));
        var second = lane.EnterAsync(limited, Long, default, MayEnter).AsTask();
        Assert.Equal(LaneEntry.Expired, await lane.EnterAsync(limited, TimeSpan.Zero, default, MayEnter));
        Assert.Equal(LaneEntry.Entered, await lane.EnterAsync(other, TimeSpan.Zero, default));
        var third = lane.EnterAsync(other, Long, default).AsTask();
        Assert.Equal((2, 2), (lane.Running, lane.Waiting));
        lane.Leave(); // The other's first: its next goes before what may not enter.
        Assert.Equal(LaneEntry.Entered, await third);
        lane.Leave();
        Assert.False(second.IsCompleted);
        places.Leave(Guid.Empty, limited);
        Assert.Equal(LaneEntry.Entered, await second);
    }

    [Fact]
    public void Never_more_run_than_there_are_places_and_nobody_is_forgotten() =>
        Prop.ForAll(
            Gen.Choose(1, 5).ToArbitrary(),
            Gen.Choose(0, 3).NonEmptyListOf().ToArbitrary(),
            (slots, arrivals) =>
            {
                var integrators = Enumerable.Range(0, 4).Select(i => new Guid(i, 0, 0, new byte[8])).ToArray();
                var lane = new Lane(slots, _time);
                var entries = arrivals.Select(a => lane.EnterAsync(integrators[a], Long, default).AsTask()).ToList();
                for (var left = 0; left < arrivals.Count; left++)
                {
                    Assert.Equal(Math.Min(slots, arrivals.Count - left), lane.Running);
                    Assert.Equal(Math.Max(0, arrivals.Count - left - slots), lane.Waiting);
                    lane.Leave();
                }
                Assert.All(entries, e => Assert.Equal(LaneEntry.Entered, e.GetAwaiter().GetResult()));
            }).QuickCheckThrowOnFailure();
}

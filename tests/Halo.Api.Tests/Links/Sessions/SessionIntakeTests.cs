using Halo.Api.Links.Sessions;
using Halo.LinkProtocol.Frames;
using Halo.Testing;

namespace Halo.Api.Tests.Links.Sessions;

public class SessionIntakeTests
{
    readonly ManualTime _time = new();

    [Fact]
    public async Task A_session_is_read_no_further_while_it_has_too_many_messages_under_way()
    {
        var intake = new SessionIntake(_time);
        var work = Enumerable.Range(0, SessionIntake.MostMessages).Select(_ => new TaskCompletionSource()).ToList();
        foreach (var one in work.SkipLast(1))
            Assert.True(intake.HoldAsync(1, one.Task, default).AsTask().IsCompletedSuccessfully);
        var room = intake.HoldAsync(1, work[^1].Task, default).AsTask();
        Assert.False(room.IsCompleted);
        // A message that fails makes room, too.
        work[7].SetException(new InvalidOperationException("for the test"));
        await room;
    }

    [Fact]
    public async Task A_session_is_read_no_further_while_it_has_too_many_bytes_under_way()
    {
        var intake = new SessionIntake(_time);
        var (large, last) = (new TaskCompletionSource(), new TaskCompletionSource());
        Assert.True(intake.HoldAsync(SessionIntake.MostBytes - 1, large.Task, default).AsTask().IsCompletedSuccessfully);
        var room = intake.HoldAsync(1, last.Task, default).AsTask();
        Assert.False(room.IsCompleted);
        last.SetResult();
        await room;
    }

    [Fact]
    public async Task Messages_that_are_dealt_with_already_take_no_room_and_a_dead_line_waits_for_none()
    {
        var intake = new SessionIntake(_time);
        for (var i = 0; i < 2 * SessionIntake.MostMessages; i++)
            Assert.True(intake.HoldAsync(SessionIntake.MostBytes, Task.CompletedTask, default).AsTask().IsCompletedSuccessfully);
        using var gone = new CancellationTokenSource();
        var room = intake.HoldAsync(SessionIntake.MostBytes, new TaskCompletionSource().Task, gone.Token).AsTask();
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => room);
    }

    [Theory]
    [InlineData(FrameKind.Heartbeat)]
    [InlineData(FrameKind.ConfigurationAck)]
    [InlineData(FrameKind.SiteChanges)]
    [InlineData(FrameKind.PairingCode)]
    [InlineData(FrameKind.Renew)]
    public async Task Messages_that_always_change_the_store_are_taken_twenty_at_once_and_then_two_a_second(FrameKind kind)
    {
        var intake = new SessionIntake(_time);
        for (var i = 0; i < SessionIntake.Burst; i++)
            Assert.True(intake.PaceAsync(kind, default).AsTask().IsCompletedSuccessfully);
        var paced = intake.PaceAsync(kind, default).AsTask();
        Assert.False(paced.IsCompleted);
        // Queries and their outcomes are not held up by them.
        Assert.True(intake.PaceAsync(FrameKind.Outcome, default).AsTask().IsCompletedSuccessfully);
        Assert.True(intake.PaceAsync(FrameKind.Report, default).AsTask().IsCompletedSuccessfully);
        _time.Advance(TimeSpan.FromSeconds(0.5));
        await paced;
        _time.Advance(TimeSpan.FromSeconds(60));
        for (var i = 0; i < SessionIntake.Burst; i++)
            Assert.True(intake.PaceAsync(kind, default).AsTask().IsCompletedSuccessfully);
        Assert.False(intake.PaceAsync(kind, default).AsTask().IsCompleted);
    }
}

using Halo.Link.Work.Immediate;
using Halo.Testing;

namespace Halo.Link.Tests.Work.Immediate;

public sealed class ImmediateGateTests
{
    readonly ManualTime _time = new();

    [Fact]
    public void Without_immediate_work_nobody_waits() =>
        Assert.True(new ImmediateGate(_time).StandAsideAsync(default).IsCompletedSuccessfully);

    [Fact]
    public async Task An_upload_waits_for_the_last_immediate_query()
    {
        var gate = new ImmediateGate(_time);
        gate.Enter();
        gate.Enter();
        var upload = gate.StandAsideAsync(default).AsTask();
        gate.Leave();
        Assert.False(upload.IsCompleted);
        gate.Leave();
        await upload;
        Assert.True(gate.StandAsideAsync(default).IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Immediate_work_without_end_does_not_starve_uploads()
    {
        var gate = new ImmediateGate(_time);
        gate.Enter();
        var upload = gate.StandAsideAsync(default).AsTask();
        _time.Advance(TimeSpan.FromMilliseconds(50));
        await upload;
    }
}

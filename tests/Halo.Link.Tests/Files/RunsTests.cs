using Halo.Link.Files;
using Halo.Link.Tests.Work.Async;

namespace Halo.Link.Tests.Files;

/// <summary>What tells a restart from a clone.</summary>
public sealed class RunsTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    Runs Begin(string? boot = "boot-1", bool alive = false)
    {
        using var directory = DataDirectory.Open(_folder.Path);
        return Runs.Begin(directory, TimeProvider.System, boot, _ => alive);
    }

    [Fact]
    public void A_run_that_ended_in_order_is_over_wherever_the_next_one_starts()
    {
        using (var directory = DataDirectory.Open(_folder.Path))
        {
            var first = Runs.Begin(directory, TimeProvider.System, "boot-1", _ => true);
            Assert.Empty(first.Before);
            first.End();
            Assert.Equal([first.Id], Runs.Begin(directory, TimeProvider.System, "boot-2", _ => true).Before);
        }
    }

    [Fact]
    public void One_that_was_killed_is_over_where_the_machine_is_still_the_same()
    {
        var first = Begin();
        var second = Begin();
        Assert.Equal([first.Id], second.Before);
        Assert.Equal([second.Id, first.Id], Begin().Before);
    }

    [Theory]
    [InlineData("boot-2", false)]
    [InlineData(null, false)]
    [InlineData("boot-1", true)]
    public void Another_boot_none_or_a_process_that_lives_may_be_a_clones(string? boot, bool alive)
    {
        Begin();
        Assert.Empty(Begin(boot, alive).Before);
    }

    [Fact]
    public void A_damaged_note_says_nothing_and_hinders_nothing()
    {
        Begin();
        File.WriteAllText(Path.Combine(_folder.Path, "run.json"), "{ half");
        Assert.Empty(Begin().Before);
    }

    [Fact]
    public void Not_more_are_told_than_a_Hello_should_hold()
    {
        for (var i = 0; i < 40; i++)
            Begin();
        Assert.Equal(16, Begin().Before.Count);
    }
}

using Halo.Soak.World;
using Halo.Testing.Processes;

namespace Halo.Soak.Faults;

/// <summary>What is done to API and Link, and how a service manager brings them back.</summary>
sealed class Programs(SoakWorld world)
{
    /// <summary>Five seconds are promised; the rest is for a loaded machine.</summary>
    static readonly TimeSpan LongestStop = TimeSpan.FromSeconds(9);

    /// <summary>What the system makes of a signal that no program has taken in hand yet.</summary>
    const int EndedBySigterm = 128 + 15;

    public async Task KillApiAsync(TimeSpan duration)
    {
        await world.Api.Process.KillAsync();
        await Task.Delay(duration);
        await StartApiAsync();
    }

    public async Task StopApiAsync(TimeSpan duration)
    {
        await StopAsync(world.Api.Process, "API");
        await Task.Delay(duration);
        await StartApiAsync();
    }

    public Task FreezeApiAsync(TimeSpan duration) => FreezeAsync(world.Api.Process, duration);

    public async Task KillLinkAsync(TimeSpan duration)
    {
        await world.Link.Process.KillAsync();
        await Task.Delay(duration);
        await world.Link.LaunchAsync();
    }

    public async Task StopLinkAsync(TimeSpan duration)
    {
        await StopAsync(world.Link.Process, "Link");
        await Task.Delay(duration);
        await world.Link.LaunchAsync();
    }

    public Task FreezeLinkAsync(TimeSpan duration) => FreezeAsync(world.Link.Process, duration);

    /// <summary>It may find its store away and end: a service manager starts it again.</summary>
    async Task StartApiAsync()
    {
        world.ApiAway = TimeProvider.System.GetUtcNow();
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                await world.Api.StartAsync();
                return;
            }
            catch (InvalidOperationException e) when (world.Store is not null && attempt < 40)
            {
                world.Notebook.Note($"The API did not start: {e.Message.Split('\n')[0]}");
                await Task.Delay(500);
            }
        }
    }

    async Task StopAsync(HaloProcess process, string name)
    {
        process.Terminate();
        if (await Task.WhenAny(process.Exited, Task.Delay(LongestStop)) != process.Exited)
        {
            world.Notebook.Defect($"{name} did not stop within {LongestStop.TotalSeconds} s");
            await process.KillAsync();
        }
        else if (await process.Exited is EndedBySigterm && process.Output.Length == 0)
        {
            world.Notebook.Note($"{name} was asked to stop before its first word, and was not there to hear it");
        }
        else if (await process.Exited != 0)
        {
            world.Notebook.Defect($"{name} stopped with exit code {await process.Exited}");
        }
    }

    static async Task FreezeAsync(HaloProcess process, TimeSpan duration)
    {
        process.Pause();
        await Task.Delay(duration);
        process.Continue();
    }
}

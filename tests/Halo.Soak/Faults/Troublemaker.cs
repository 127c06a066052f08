using Halo.Soak.World;

namespace Halo.Soak.Faults;

/// <summary>Breaks one thing after another, sometimes two at once, until the round is over; then everything is whole again.</summary>
sealed class Troublemaker(SoakWorld world, int seed)
{
    readonly IReadOnlyList<Fault> _faults = FaultList.Of(world);
    readonly HashSet<string> _broken = [];

    public Task RunAsync(int round, CancellationToken over)
    {
        var first = seed * 1000 + round * 20;
        return Task.WhenAll(OneAfterAnotherAsync(new(first + 18), over), OneAfterAnotherAsync(new(first + 19), over));
    }

    async Task OneAfterAnotherAsync(Random random, CancellationToken over)
    {
        while (true)
        {
            await Task.Delay(random.Next(500, 5000), over).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (over.IsCancellationRequested)
                return;
            if (Choose(random) is not { } fault)
                continue;
            var duration = TimeSpan.FromMilliseconds(random.Next(20, fault.LongestMs));
            world.Notebook.Note($">>> {fault.Name} for {duration.TotalMilliseconds:0} ms");
            world.Notebook.Count($"fault: {fault.Name}");
            try
            {
                await fault.ApplyAsync(duration);
            }
            catch (Exception e) when (e is InvalidOperationException or TimeoutException)
            {
                world.Notebook.Defect($"After \"{fault.Name}\" it did not come back: {e.Message}");
            }
            world.Notebook.Note($"<<< {fault.Name}");
            lock (_broken)
                _broken.Remove(fault.Target);
        }
    }

    Fault? Choose(Random random)
    {
        lock (_broken)
        {
            var whole = _faults.Where(f => !_broken.Contains(f.Target)).ToList();
            var lot = random.Next(whole.Sum(f => f.Weight));
            var chosen = whole.First(f => (lot -= f.Weight) < 0);
            _broken.Add(chosen.Target);
            return chosen;
        }
    }
}

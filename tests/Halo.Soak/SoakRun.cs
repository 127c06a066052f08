using System.Globalization;
using Halo.Soak.Checks;
using Halo.Soak.Faults;
using Halo.Soak.Workload;
using Halo.Soak.World;

namespace Halo.Soak;

/// <summary>Rounds of work and trouble, each with a look at what is left of them.</summary>
static class SoakRun
{
    const int Workers = 10;

    // A round's end costs as long again on a loaded machine, so long runs have long rounds.
    static readonly TimeSpan ShortRound = TimeSpan.FromSeconds(20), LongRound = TimeSpan.FromMinutes(1);

    /// <returns>Whether nothing was found.</returns>
    public static async Task<bool> RunAsync(SoakOptions options, CancellationToken stop)
    {
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"soak --minutes {options.Minutes} --seed {options.Seed} --store {(options.PostgresStore ? "postgres" : "sqlite")}"));
        using var notebook = new Notebook(options.Seed);
        Console.WriteLine($"What happens is in {notebook.Path}");
        await using (var world = await SoakWorld.StartAsync(options, notebook))
        {
            var (finals, leaks) = (new Finals(world), new Leaks(world));
            var judge = new Judge(world, finals);
            var trouble = new Troublemaker(world, options.Seed);
            var left = TimeSpan.FromMinutes(options.Minutes);
            var usual = options.Minutes < 5 ? ShortRound : LongRound;
            long number = 0;
            for (var round = 1; left > TimeSpan.Zero && !stop.IsCancellationRequested; round++, left -= usual)
            {
                notebook.Note($"=== round {round}");
                var asked = new List<Asked>();
                var seed = options.Seed * 1000 + round * 20;
                var workers = Enumerable.Range(0, Workers).Select(i => new Worker(world, new Random(seed + i), () => Interlocked.Increment(ref number), a =>
                {
                    lock (asked)
                        asked.Add(a);
                }));
                using var over = CancellationTokenSource.CreateLinkedTokenSource(stop);
                using var calm = CancellationTokenSource.CreateLinkedTokenSource(stop);
                var length = left < usual ? left : usual;
                calm.CancelAfter(length * 0.8);
                over.CancelAfter(length);
                var work = Task.WhenAll(workers.Select(w => w.RunAsync(over.Token)));
                await trouble.RunAsync(round, calm.Token);
                notebook.Note("=== all is whole again");
                await finals.RecoveredAsync();
                if (await Task.WhenAny(work, Task.Delay(TimeSpan.FromSeconds(90), CancellationToken.None)) != work)
                    notebook.Defect("A call hangs.");
                else
                    await work;
                await finals.AllFinalAsync();
                await judge.JudgeAsync(asked);
                await leaks.CheckAsync();
                notebook.Note($"=== round {round} is judged");
                Console.WriteLine($"round {round}: {asked.Count} asked, {notebook.Defects.Count} found so far");
            }
            await judge.JudgeAllAsync();
            notebook.Count("bytes from the Link", world.ApiLine.Up.Bytes);
            notebook.Count("bytes to the Link", world.ApiLine.Down.Bytes);
            notebook.Count("connections of the Link", world.ApiLine.Accepted);
        }
        Print(options, notebook);
        return notebook.Defects.Count == 0;
    }

    static void Print(SoakOptions options, Notebook notebook)
    {
        foreach (var (what, count) in notebook.Counts)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{count,12:N0}  {what}"));
        Console.WriteLine($"{notebook.Defects.Count} found. Seed {options.Seed}.");
        foreach (var defect in notebook.Defects)
            Console.WriteLine("  " + defect);
        if (notebook.Defects.Count > 0)
            Console.WriteLine($"What happened is in {notebook.Path}");
    }
}

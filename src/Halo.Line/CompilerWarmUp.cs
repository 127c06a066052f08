using System.Runtime;

namespace Halo.Line;

/// <summary>Repeats something until the runtime has compiled what it needs.</summary>
/// <remarks>
/// Code that was compiled ahead of time, or hastily, is compiled anew twice: once it has been called thirty times, with counters in it, and for good when that
/// was called as often. Both are counted and begun only when nothing new was compiled for a tenth of a second. So calls come in rounds, each of them after the
/// compiler has come to rest.
/// </remarks>
public static class CompilerWarmUp
{
    const int CallsOfRound = 35;
    const int MostRounds = 12;

    /// <summary>In the first it compiles hastily, in the second it counts, after the third and the fourth it compiles anew: sooner, little to compile says nothing.</summary>
    const int FewestRounds = 4;

    /// <summary>Methods that a round may still have compiled: other work of a starting program has some, too.</summary>
    const long Few = 15;

    static readonly TimeSpan Look = TimeSpan.FromMilliseconds(120);

    /// <summary>Looks that find nothing compiled before it counts as rest: in the first the compiler may have waited only.</summary>
    const int LooksAtRest = 2;

    /// <summary>Returns when a round has had hardly anything compiled.</summary>
    /// <exception cref="OperationCanceledException">It was stopped before.</exception>
    public static async Task RunAsync(Func<Task> call, TimeProvider time, CancellationToken stop)
    {
        for (var round = 1; round <= MostRounds; round++)
        {
            var before = Compiled;
            for (var i = 0; i < CallsOfRound; i++)
                await call();
            await RestAsync(time, stop);
            if (round >= FewestRounds && Compiled - before <= Few)
                return;
        }
    }

    static long Compiled => JitInfo.GetCompiledMethodCount();

    static async Task RestAsync(TimeProvider time, CancellationToken stop)
    {
        for (var quiet = 0; quiet < LooksAtRest;)
        {
            var before = Compiled;
            await Task.Delay(Look, time, stop);
            quiet = Compiled - before <= Few ? quiet + 1 : 0;
        }
    }
}

using System.Runtime;

namespace Halo.Line;

/// <summary>Repeats something until the runtime has compiled what it needs.</summary>
/// <remarks>
/// Code that was compiled ahead of time, or hastily, is compiled anew once it has been called thirty times; counting begins only when nothing new was compiled
/// for a tenth of a second. So calls come in rounds, each of them after the compiler has come to rest.
/// </remarks>
public static class CompilerWarmUp
{
    const int CallsOfRound = 35;
    const int MostRounds = 6;

    /// <summary>Methods that a round may still have compiled: other work of a starting program has some, too.</summary>
    const long Few = 15;

    static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(120);

    /// <summary>Returns when a round has had hardly anything compiled.</summary>
    /// <exception cref="OperationCanceledException">It was stopped before.</exception>
    public static async Task RunAsync(Func<Task> call, TimeProvider time, CancellationToken stop)
    {
        for (var round = 0; round < MostRounds; round++)
        {
            var before = Compiled;
            for (var i = 0; i < CallsOfRound; i++)
                await call();
            await RestAsync(time, stop);
            if (Compiled - before <= Few)
                return;
        }
    }

    static long Compiled => JitInfo.GetCompiledMethodCount();

    static async Task RestAsync(TimeProvider time, CancellationToken stop)
    {
        long before;
        do
        {
            before = Compiled;
            await Task.Delay(Rest, time, stop);
        }
        while (Compiled - before > Few);
    }
}

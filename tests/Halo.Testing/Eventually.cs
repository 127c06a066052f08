using System.Collections;
using System.Runtime.CompilerServices;

namespace Halo.Testing;

/// <summary>Waits for conditions that nobody announces, as those behind HTTP.</summary>
public static class Eventually
{
    /// <summary>Long enough for a loaded machine: it is reached by failing tests alone.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    /// <summary>Asks until the answer is enough; the last answer is in the exception otherwise.</summary>
    public static async Task<T> BecomesAsync<T>(Func<Task<T>> ask, Func<T, bool> enough, TimeSpan? limit = null,
        [CallerArgumentExpression(nameof(enough))] string condition = "")
    {
        var start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var answer = await ask();
            if (enough(answer))
                return answer;
            if (TimeProvider.System.GetElapsedTime(start) > (limit ?? Limit))
                throw new TimeoutException($"Never came true: {condition}. The last answer was: {TextOf(answer)}");
            await Task.Delay(TimeSpan.FromMilliseconds(20));
        }
    }

    static string? TextOf(object? answer) => answer is IEnumerable many and not string ? $"[{string.Join(", ", many.Cast<object?>())}]" : answer?.ToString();
}

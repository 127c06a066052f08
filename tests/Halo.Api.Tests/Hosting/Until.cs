using Halo.Testing;

namespace Halo.Api.Tests.Hosting;

/// <summary>Waits on conditions, never on the clock; gives up after what tests wait at most.</summary>
public static class Until
{
    public static async Task TrueAsync(Func<Task<bool>> condition)
    {
        using var limit = new CancellationTokenSource(Eventually.Limit);
        while (!await condition())
            await Task.Delay(20, limit.Token);
    }
}

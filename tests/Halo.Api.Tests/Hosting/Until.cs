namespace Halo.Api.Tests.Hosting;

/// <summary>Waits on conditions, never on the clock; gives up after half a minute.</summary>
public static class Until
{
    public static async Task TrueAsync(Func<Task<bool>> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!await condition())
            await Task.Delay(20, limit.Token);
    }
}

namespace Halo.Link.Engines.SqlServer.Connections;

/// <summary>
/// Sockets that the driver (7.1.1) has left to the finalizer: it calls a connection closed that it gave up in the middle of a statement, and until it is
/// collected the server keeps the session, and the locks of a statement that it did not stop.
/// </summary>
/// <remarks>
/// Not collected at once alone: the run that ends still holds command and reader then, and an idle Link collects nothing by itself. One round at a time
/// for all sites, however many connections break: a collection is of the whole process.
/// </remarks>
static class ForgottenSockets
{
    /// <summary>Seconds before each collection of a round.</summary>
    static readonly int[] Waits = [0, 1, 10];

    /// <summary>Calls since the last round.</summary>
    static int _asked;

    /// <summary>Closes them, those of the run that is ending too. Returns at once.</summary>
    public static void CloseSoon()
    {
        if (Interlocked.Increment(ref _asked) == 1)
            _ = CloseAsync();
    }

    static async Task CloseAsync()
    {
        int seen;
        do
        {
            seen = Volatile.Read(ref _asked);
            foreach (var wait in Waits)
            {
                // Real time: it is not a decision of the Link's that waits here.
                await Task.Delay(TimeSpan.FromSeconds(wait), TimeProvider.System);
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: false);
            }
        }
        while (Interlocked.CompareExchange(ref _asked, 0, seen) != seen);
    }
}

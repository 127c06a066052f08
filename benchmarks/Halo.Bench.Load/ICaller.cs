namespace Halo.Bench.Load;

/// <summary>One connection with one call on it at a time.</summary>
interface ICaller : IDisposable
{
    /// <summary>Asks and takes the whole answer.</summary>
    /// <exception cref="Exception">The call failed; the connection is made anew for the next.</exception>
    void Call();
}

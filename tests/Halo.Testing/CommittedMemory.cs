namespace Halo.Testing;

/// <summary>What the managed heap of this process holds of the system, without garbage.</summary>
public static class CommittedMemory
{
    /// <summary>Bytes.</summary>
    public static long Measure()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        // With the holes between large objects, which are the heap's and nobody's.
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        return GC.GetGCMemoryInfo().TotalCommittedBytes;
    }
}

namespace Halo.Testing;

/// <summary>What the managed heap of this process holds of the system, without garbage.</summary>
public static class CommittedMemory
{
    /// <summary>Bytes.</summary>
    public static long Measure()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        return GC.GetGCMemoryInfo().TotalCommittedBytes;
    }
}

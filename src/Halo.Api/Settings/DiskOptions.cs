namespace Halo.Api.Settings;

/// <summary>How much of the disk stays free: the settings under <c>Halo:Disk</c>. New async queries are refused where either is not.</summary>
sealed record DiskOptions
{
    /// <summary>Bytes (0 to 2147483647, default 512 MiB).</summary>
    public int MinFreeBytes { get; init; } = 512 * 1024 * 1024;

    /// <summary>Percent of the disk (0 to 50, default 2).</summary>
    public int MinFreePercent { get; init; } = 2;

    /// <summary>Reads the section; what is wrong is added to <paramref name="faults"/>.</summary>
    public static DiskOptions Read(IConfigurationSection section, List<string> faults) => new()
    {
        MinFreeBytes = ApiOptions.ReadInt(section, nameof(MinFreeBytes), 512 * 1024 * 1024, 0, int.MaxValue, faults),
        MinFreePercent = ApiOptions.ReadInt(section, nameof(MinFreePercent), 2, 0, 50, faults),
    };
}

namespace Halo.Api.Settings;

/// <summary>How results are kept: the settings under <c>Halo:Results</c>.</summary>
sealed record ResultOptions
{
    /// <summary>Hours for which a result can be read, from <c>completedAt</c> (1 to 48, default 24).</summary>
    public int RetentionHours { get; init; } = 24;

    /// <summary>
    /// Bytes of answers kept for repeats with an <c>Idempotency-Key</c>, all together (0 to 2147483647, default 1 GiB). Beyond it
    /// repeats get the state of their query without its rows.
    /// </summary>
    public long ReplayBytes { get; init; } = 1024 * 1024 * 1024;

    /// <summary>JSON bytes of the largest page that is answered in base64 (contract: 8 MiB); larger ones are streamed alone.</summary>
    public const long Base64PageBytes = 8 * 1024 * 1024;

    /// <summary>Reads the section; what is wrong is added to <paramref name="faults"/>.</summary>
    public static ResultOptions Read(IConfigurationSection section, List<string> faults) => new()
    {
        RetentionHours = ApiOptions.ReadInt(section, nameof(RetentionHours), 24, 1, 48, faults),
        ReplayBytes = ApiOptions.ReadInt(section, nameof(ReplayBytes), 1024 * 1024 * 1024, 0, int.MaxValue, faults),
    };
}

namespace Halo.Api.Storage.Keys;

/// <summary>The master keys: section <c>Halo:Encryption</c>.</summary>
sealed record EncryptionOptions
{
    /// <summary>
    /// 256 random bits in base64 (<c>openssl rand -base64 32</c>). With PostgreSQL required; with SQLite, where absent, made at
    /// first start in the file <c>master.key</c> of the data directory.
    /// </summary>
    public string? MasterKey { get; init; }

    /// <summary>Earlier master keys, in base64, that still open what they wrapped. Default: none.</summary>
    public IReadOnlyList<string> OldKeys { get; init; } = [];
}

namespace Halo.Releases;

/// <summary>A release is not taken; the message is one sentence for people that says why.</summary>
sealed class ReleaseRefusedException(RefusalKind kind, string message) : Exception(message)
{
    public RefusalKind Kind { get; } = kind;
}

/// <summary>Why a release is not taken.</summary>
enum RefusalKind
{
    /// <summary>It is no bundle, or is damaged: cut, too large, with entries that a bundle does not have.</summary>
    Damaged,

    /// <summary>Nobody signed it whom this installation trusts.</summary>
    NotTrusted,

    /// <summary>It, or what vouches for it, is out of date.</summary>
    Expired,

    /// <summary>It is for another program, system or processor.</summary>
    Foreign,

    /// <summary>It is older than what runs, or the same.</summary>
    NotNewer,

    /// <summary>It has faults that must not come back.</summary>
    BelowFloor,

    /// <summary>What runs is too old for it.</summary>
    NeedsStep,
}

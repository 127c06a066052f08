namespace Halo.Testing.Proxy;

/// <summary>What a proxy does with the bytes of one direction.</summary>
public enum LineMode
{
    /// <summary>Passes them on.</summary>
    Pass,

    /// <summary>Holds them; they go on when the mode is <see cref="Pass"/> again.</summary>
    Pause,

    /// <summary>Takes and loses them, and says nothing: the other end of such a line is gone without a word.</summary>
    HalfOpen,

    /// <summary>Flips bits in one byte of each large piece: see <see cref="LineDirection.CorruptFrom"/>.</summary>
    Corrupt,

    /// <summary>Passes all but the last byte of what comes, then nothing more.</summary>
    DropLastByte,
}

using Halo.LinkProtocol.Frames;

namespace Halo.LinkProtocol;

/// <summary>Sizes and times that both ends hold to.</summary>
public static class ProtocolLimits
{
    /// <summary>The WebSocket subprotocol.</summary>
    public const string Subprotocol = "halo-link.v1";

    /// <summary>The version told in <see cref="Messages.Hello"/>; a newer one only adds.</summary>
    public const int Version = 1;

    /// <summary>Payload bytes of one <see cref="FrameKind.Rows"/> frame: small enough that control frames never wait long behind one.</summary>
    public const int MaxChunkBytes = 32 * 1024;

    /// <summary>Bytes of rows that a query may have on the way before the API grants more.</summary>
    public const int CreditWindowBytes = 256 * 1024;

    /// <summary>Bytes of the largest frame, with its header: an Execute with its parameters. <see cref="Bounds.FrameBounds"/> has each kind's.</summary>
    public const int MaxFrameBytes = 48 * 1024 * 1024;

    /// <summary>UTF-8 bytes of an error's text; what is longer is cut.</summary>
    public const int MaxErrorBytes = 8 * 1024;

    /// <summary>UTF-8 bytes of all output parameters of a query; with more it fails as <c>ResultTooLarge</c>.</summary>
    public const int MaxOutputBytes = 8 * 1024 * 1024;

    /// <summary>Columns of a result; with more the query fails as <c>ResultTooLarge</c>. No database has as many, but SQLite can be built with more.</summary>
    public const int MaxColumns = 4096;

    /// <summary>Bytes of JSON that the description of all columns may have.</summary>
    public const int MaxColumnsBytes = 4 * 1024 * 1024;

    /// <summary>UTF-8 bytes of a name: of a column, a parameter, a database. Names of columns are cut.</summary>
    public const int MaxNameBytes = 1024;

    /// <summary>UTF-8 bytes of a name by which something is known for good: of a PMS, a practice, a machine, a database.</summary>
    public const int MaxIdentityBytes = 4 * MaxIdentityCharacters;

    /// <summary>Its characters.</summary>
    public const int MaxIdentityCharacters = 400;

    /// <summary>Bytes of JSON that all output parameters of a query may take in its message, with every escape.</summary>
    public const int MaxOutputJsonBytes = 16 * 1024 * 1024;

    /// <summary>Output parameters of a query.</summary>
    public const int MaxParameters = 10_000;

    /// <summary>Sites of a Link.</summary>
    public const int MaxSites = 500;

    /// <summary>Bytes of an enrolment's body: what a Link says of all its sites has to fit.</summary>
    public const int MaxEnrolmentBytes = 1024 * 1024;

    /// <summary>Claims, and immediate queries, that a Link may hold at once.</summary>
    public const int MaxHeld = 10_000;

    /// <summary>Claims in one answer to a <see cref="Messages.ClaimRequest"/>.</summary>
    public const int MaxClaims = 64;

    /// <summary>Silence after which an end asks whether the other is there.</summary>
    public static readonly TimeSpan PingAfter = TimeSpan.FromSeconds(20);

    /// <summary>Further silence after which it takes the line for dead. Any received byte counts as life.</summary>
    public static readonly TimeSpan DeadAfterPing = TimeSpan.FromSeconds(10);
}

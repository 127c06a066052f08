using Halo.LinkProtocol.Frames;

namespace Halo.LinkProtocol.Bounds;

/// <summary>Bytes that the payload of a message may have, by its kind. Neither end sends more; what is longer is passed over and never held.</summary>
public static class FrameBounds
{
    const int KiB = 1024, MiB = 1024 * KiB;

    // A newer end's; it is ignored.
    const int Unknown = 4 * KiB;

    /// <summary>Of a message of a Link; 0 of a kind that no Link sends.</summary>
    public static int FromLink(FrameKind kind) => kind switch
    {
        FrameKind.Hello or FrameKind.SiteChanges => 8 * MiB,
        FrameKind.Heartbeat or FrameKind.ConfigurationAck or FrameKind.Farewell => MiB,
        FrameKind.Renew or FrameKind.ClaimRequest => 16 * KiB,
        FrameKind.Ping or FrameKind.Pong or FrameKind.PairingCode => 4 * KiB,
        FrameKind.Columns => ProtocolLimits.MaxColumnsBytes + 256 * KiB,
        FrameKind.Rows => ProtocolLimits.MaxChunkBytes,
        // Columns, outputs with all their escapes, notices, an error.
        FrameKind.Outcome or FrameKind.Report => 24 * MiB,
        FrameKind.Answer => 24 * MiB + ProtocolLimits.MaxChunkBytes + AnswerPayload.LengthBytes,
        _ => Enum.IsDefined(kind) ? 0 : Unknown,
    };

    /// <summary>Of a message of the API; 0 of a kind that it does not send.</summary>
    public static int FromApi(FrameKind kind) => kind switch
    {
        FrameKind.Welcome => 8 * MiB,
        FrameKind.Claims or FrameKind.Execute => ProtocolLimits.MaxFrameBytes - FrameCodec.MaxHeaderBytes,
        FrameKind.SiteNotices => 4 * MiB,
        FrameKind.Configuration or FrameKind.ReportAck => MiB,
        FrameKind.PairingCodeAck or FrameKind.UpdateTarget => 16 * KiB,
        FrameKind.Ping or FrameKind.Pong or FrameKind.WorkAvailable or FrameKind.RegisteredChanged or FrameKind.Cancel or FrameKind.Credit or FrameKind.OutcomeAck => 4 * KiB,
        _ => Enum.IsDefined(kind) ? 0 : Unknown,
    };

    /// <summary>Of a message of either.</summary>
    public static int Of(FrameKind kind) => Math.Max(FromLink(kind), FromApi(kind));
}

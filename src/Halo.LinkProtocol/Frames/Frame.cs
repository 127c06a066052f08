namespace Halo.LinkProtocol.Frames;

/// <summary>One message of the line, as it stands in the receiver's buffer.</summary>
/// <param name="Kind">What it is; may be a number this program does not know.</param>
/// <param name="QueryId">The query it speaks of; empty for kinds that speak of none.</param>
/// <param name="Payload">Valid only until the handler returns.</param>
public readonly record struct Frame(FrameKind Kind, Guid QueryId, ReadOnlyMemory<byte> Payload);

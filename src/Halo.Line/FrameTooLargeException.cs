using Halo.LinkProtocol.Bounds;
using Halo.LinkProtocol.Frames;

namespace Halo.Line;

/// <summary>A message has more bytes than its kind may; it is not put on the line.</summary>
public sealed class FrameTooLargeException(FrameKind kind, long bytes)
    : Exception($"A {kind} of {bytes} bytes is over its limit of {FrameBounds.Of(kind)} and was not sent.");

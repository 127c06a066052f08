using System.Text.Json.Serialization.Metadata;
using Halo.Line;
using Halo.LinkProtocol.Frames;

namespace Halo.Link.Transport;

/// <summary>The session that is open now, if any: what the rest of the Link sends through, whichever socket it is.</summary>
sealed class CurrentSession
{
    LineConnection? _line;

    /// <summary>The open line after Welcome; null between sessions.</summary>
    public LineConnection? Line => Volatile.Read(ref _line);

    /// <summary>Set by the session loop: after Welcome, and to null when the line ends.</summary>
    public void Set(LineConnection? line) => Volatile.Write(ref _line, line);

    /// <summary>Sends a frame with a JSON payload.</summary>
    /// <returns>False when there is no session or it broke: what matters is told again in the next one.</returns>
    public ValueTask<bool> SendAsync<T>(FrameKind kind, Guid queryId, T message, JsonTypeInfo<T> type, CancellationToken giveUp = default) =>
        Line is { } line ? line.SendAsync(kind, queryId, message, type, giveUp) : ValueTask.FromResult(false);
}

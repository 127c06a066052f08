using System.Data.Common;
using System.Net.WebSockets;
using System.Text.Json;
using Halo.Api.Errors;
using Halo.Api.Links;
using Halo.Api.Links.Sessions;
using Halo.Api.Settings;
using Halo.Api.Storage;
using Halo.Contracts.Errors;
using Halo.Line;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Bounds;
using Halo.LinkProtocol.Frames;

namespace Halo.Api.LinkSocket;

/// <summary>The socket of a Link from its request to its end: what comes first opens a session, all that follows is routed.</summary>
sealed partial class LinkEndpoint(
    LinkTokens tokens, LinkSessions sessions, SessionLifecycle lifecycle, MessageRouter router, ApiOptions options, TimeProvider time, IHostApplicationLifetime lifetime,
    ILogger<LinkEndpoint> log)
{
    static readonly Refusal TooManyConnections = new(503, ErrorCodes.ServiceUnavailable, "As many Links are connected as this service takes (Halo:Limits:LinkConnections). Try again later.")
    {
        RetryAfter = TimeSpan.FromSeconds(60),
    };

    /// <summary>Serves <c>GET /link/v1/socket</c> until the session ends.</summary>
    public async Task ServeAsync(HttpContext http)
    {
        if (await tokens.CheckAsync(http.Request.Headers.Authorization) is not { } access)
        {
            await new Refusal(401, ErrorCodes.LinkNotTrusted, "The access token is missing, expired or revoked. Ask POST /link/v1/token for a fresh one.")
                .ExecuteAsync(http);
            return;
        }
        if (!http.WebSockets.IsWebSocketRequest || !http.WebSockets.WebSocketRequestedProtocols.Contains(ProtocolLimits.Subprotocol))
        {
            await Refusal.Invalid("Sec-WebSocket-Protocol", $"must be a WebSocket with the subprotocol {ProtocolLimits.Subprotocol}.").ExecuteAsync(http);
            return;
        }
        WebSocket accepted;
        try
        {
            accepted = await http.WebSockets.AcceptWebSocketAsync(ProtocolLimits.Subprotocol);
        }
        catch (InvalidOperationException) when (!http.Response.HasStarted)
        {
            // The server counts them (Halo:Limits:LinkConnections).
            http.Response.Clear();
            await TooManyConnections.ExecuteAsync(http);
            return;
        }
        using var socket = accepted;
        // Until the end of its session is written.
        using var serving = sessions.Serve();
        // The request lasts as long as the line; its headers have been read, and take a kilobyte. Cleared as a whole they would be kept, to be used again.
        foreach (var header in http.Request.Headers.Keys.ToList())
            http.Request.Headers.Remove(header);
        await using var line = new LineConnection(socket, CoalescingUpgrade.OutputOf(http), time, options.Links.Line);
        await using var connection = new LinkConnection(access.LinkId, access.Until, line, time, lifetime.ApplicationStopping)
        {
            Address = http.Connection.RemoteIpAddress?.ToString(),
        };
        try
        {
            await line.ReceiveAsync(
                frame => OnFrameAsync(connection, frame), FrameBounds.FromLink, frame => OnUnreadableAsync(connection, frame, $"it is over {FrameBounds.FromLink(frame.Kind)} bytes"));
        }
        finally
        {
            await lifecycle.EndAsync(connection);
        }
        // What the Link told and was not acknowledged it tells again; nothing of a session outlives its request, and so the store.
        if (connection.Session is { } session)
            await session.Work.EndAsync();
    }

    async ValueTask OnFrameAsync(LinkConnection connection, Frame frame)
    {
        try
        {
            if (frame.Kind == FrameKind.Hello)
                await lifecycle.OpenAsync(connection, frame.Read(ProtocolJson.Default.Hello));
            else if (connection.Session is not { } session)
                await connection.Line.CloseAsync(LineCloseReason.ProtocolError);
            else
                await router.RouteAsync(connection, session, frame);
        }
        catch (JsonException e)
        {
            await OnUnreadableAsync(connection, frame, $"it cannot be read at {TextBound.Cut(e.Path ?? "its start", 100)}{(e is OverBoundException ? ", " + e.Message : "")}");
        }
        catch (OperationCanceledException) when (connection.Line.Dead.IsCancellationRequested)
        {
            // The line ended while its session waited for room.
        }
        catch (Exception e) when (StorageException.Means(e) || IsTheStores(e))
        {
            // The Link comes again and tells all of it again.
            LogNotRecorded(connection.LinkId, frame.Kind, e.GetType().Name);
            await connection.Line.CloseAsync(LineCloseReason.LedgerFailed);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // It can be read and has something that no Link says: no part where one must be, text that the store has no place for. Its own words stay out of the log.
            LogUnfit(connection.LinkId, frame.Kind, e.GetType().FullName, e.StackTrace);
            await OnUnreadableAsync(connection, frame, "it met a fault");
        }
    }

    /// <summary>Without a Hello there is no session. In one, such a message is settled or ignored: it would come again in the next.</summary>
    async ValueTask OnUnreadableAsync(LinkConnection connection, Frame frame, string why)
    {
        if (frame.Kind == FrameKind.Hello || connection.Session is not { } session)
        {
            LogProtocolError(connection.LinkId, frame.Kind, why);
            await connection.Line.CloseAsync(LineCloseReason.ProtocolError);
            return;
        }
        await router.RouteUnreadableAsync(session, frame, why);
    }

    /// <summary>A fault of the store, or of this service's end, and not of what the Link said.</summary>
    static bool IsTheStores(Exception e) => e is ObjectDisposedException || e is DbException && !StorageException.RefusesContent(e);

    [LoggerMessage(1116, LogLevel.Warning, "The {Kind} of Link {LinkId} could not be recorded ({Exception}); its line is dropped, and it comes again")]
    partial void LogNotRecorded(Guid linkId, FrameKind kind, string exception);

    [LoggerMessage(1117, LogLevel.Error, "Link {LinkId} sent a {Kind} that met a fault ({Exception})\n{Stack}")]
    partial void LogUnfit(Guid linkId, FrameKind kind, string? exception, string? stack);

    [LoggerMessage(1118, LogLevel.Warning, "Link {LinkId} sent a {Kind} in place of a Hello, or a Hello that has no use: {Why}. Its connection was closed.")]
    partial void LogProtocolError(Guid linkId, FrameKind kind, string why);
}

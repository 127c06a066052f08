using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Halo.Line;
using Halo.Link.Sites;
using Halo.Link.Transport;
using Halo.Link.Work.Async;
using Halo.Link.Work.Immediate;
using Halo.Link.Work.Registered;
using Halo.Link.Work.Updating;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Session;

/// <summary>The API says what its operator wants the Link to run with; null: it is of a version that never does.</summary>
delegate void RemoteConfigurationArrived(RemoteConfiguration? remote, bool opening);

/// <summary>Gives each frame from the API to whom it concerns. It runs between two receives, so nothing in it waits.</summary>
sealed partial class FrameDispatcher(
    CurrentSession session, ImmediateQueries immediate, AsyncQueries async, RegisteredQueries registered, SelfUpdate update, SchemaMarks marks, PairingCodes pairing, SiteAnnouncements announcements, RemoteConfigurationArrived configured,
    LinkState state, TimeProvider time, ILogger<FrameDispatcher> log)
{
    /// <summary>Handles one frame of one session's line.</summary>
    /// <param name="welcomed">Completed by the session's Welcome.</param>
    public void Handle(in Frame frame, LineConnection line, TaskCompletionSource<Welcome> welcomed)
    {
        if (async.IsOverrun(frame.Kind == FrameKind.Claims ? frame.Payload.Length : 0))
        {
            if (_overruns.Lets(out _))
                LogOverrun();
            line.Abort(LineCloseReason.ProtocolError);
            return;
        }
        switch (frame.Kind)
        {
            case FrameKind.Welcome:
                if (Read(frame, ProtocolJson.Default.Welcome) is { } welcome && welcomed.TrySetResult(welcome))
                    OnWelcome(welcome, line, frame.Payload.Length);
                break;
            case FrameKind.Execute:
                if (Read(frame, ProtocolJson.Default.Execute) is { } execute)
                    immediate.Execute(frame.QueryId, execute, line, frame.Payload.Length);
                else
                    immediate.Refuse(frame.QueryId);
                break;
            case FrameKind.Cancel:
                if (!immediate.Cancel(frame.QueryId))
                    async.Cancel(frame.QueryId);
                break;
            case FrameKind.Credit:
                if (frame.Payload.Length >= sizeof(uint))
                    immediate.Grant(frame.QueryId, BinaryPrimitives.ReadUInt32LittleEndian(frame.Payload.Span));
                break;
            case FrameKind.OutcomeAck:
                immediate.Acknowledge(frame.QueryId);
                break;
            case FrameKind.SiteNotices:
                if (Read(frame, ProtocolJson.Default.SiteNotices) is { } notices)
                {
                    Tell(notices.Sites);
                    announcements.OnNotices(notices);
                }
                break;
            case FrameKind.Configuration:
                if (Read(frame, ProtocolJson.Default.RemoteConfiguration) is { } configuration)
                    configured(configuration, opening: false);
                break;
            case FrameKind.UpdateTarget:
                if (Read(frame, ProtocolJson.Default.UpdateTarget) is { } target)
                    update.OnTarget(target);
                break;
            case FrameKind.PairingCodeAck:
                if (Read(frame, ProtocolJson.Default.PairingCodeAck) is { } pairingAck)
                    pairing.OnAck(pairingAck);
                break;
            case FrameKind.WorkAvailable:
                async.OnWorkAvailable();
                break;
            case FrameKind.RegisteredChanged:
                registered.OnChanged();
                break;
            case FrameKind.Claims:
                OnClaims(frame, line);
                break;
            case FrameKind.ReportAck:
                if (Read(frame, ProtocolJson.Default.ReportAck) is { } ack)
                    async.OnReportAck(frame.QueryId, ack, frame.Payload.Length);
                break;
        }
    }

    /// <summary>A message over its bound was passed over.</summary>
    public void HandleTooLarge(in Frame frame, LineConnection line)
    {
        Unreadable(frame.Kind);
        if (frame.Kind == FrameKind.Execute)
            immediate.Refuse(frame.QueryId);
        else if (frame.Kind == FrameKind.Claims)
            line.Abort(LineCloseReason.ProtocolError);
    }

    /// <summary>The API ended the session for what it was told in it.</summary>
    public void OnRejected()
    {
        immediate.OnRejected();
        async.OnRejected();
    }

    /// <summary>Writes what the API says of the sites to the log, once.</summary>
    public void Tell(IReadOnlyList<SiteNotice> notices)
    {
        foreach (var notice in state.Learn(notices))
        {
            if (!_notices.Lets(out _))
                return;
            if (notice is { Authoritative: true, Confirmed: true, Refused: false })
                LogServed(notice.SiteId, notice.Message);
            else
                LogNotServed(notice.SiteId, notice.Message);
        }
    }

    void OnWelcome(Welcome welcome, LineConnection line, int bytes)
    {
        Tell(welcome.Sites);
        session.Set(line);
        announcements.OnWelcome(welcome);
        configured(welcome.Configuration, opening: true);
        immediate.OnWelcome();
        async.OnWelcome(welcome, bytes);
        update.OnTarget(welcome.Update);
        marks.OnWelcome(welcome.Capabilities.Contains(Welcome.TakesSchemaMarks));
        registered.OnWelcome(welcome.Capabilities.Contains(Welcome.HasRegisteredQueries));
    }

    void OnClaims(in Frame frame, LineConnection line)
    {
        try
        {
            var claims = ArrivedClaim.ReadAll(frame.Payload);
            if (claims.Any(c => !c.Readable))
                Unreadable(frame.Kind);
            async.OnClaims(claims, frame.Payload.Length);
        }
        catch (JsonException)
        {
            // Whose claims they are cannot be said: the next session's Hello, which does not name them, settles them.
            Unreadable(frame.Kind);
            line.Abort(LineCloseReason.ProtocolError);
        }
    }

    // Whatever the API sends, and however much: the log is the practice's.
    readonly LogThrottle _notices = new(time, perMinute: 1000);
    readonly LogThrottle _unreadable = new(time, perMinute: 10);
    readonly LogThrottle _overruns = new(time, perMinute: 1);

    void Unreadable(FrameKind kind)
    {
        if (_unreadable.Lets(out var suppressed))
            LogUnreadable(kind, suppressed);
    }

    T? Read<T>(in Frame frame, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(frame.Payload.Span, type);
        }
        catch (JsonException)
        {
            // Of a newer API, perhaps. Its words stay out of the log: a command may be among them.
            Unreadable(frame.Kind);
            return null;
        }
    }

    [LoggerMessage(2010, LogLevel.Information, "Site {SiteId} can be queried. {Message}")]
    partial void LogServed(Guid siteId, string message);

    [LoggerMessage(2011, LogLevel.Warning, "Site {SiteId} cannot be queried by integrators. {Message}")]
    partial void LogNotServed(Guid siteId, string message);

    [LoggerMessage(2014, LogLevel.Error,
        "The API gave this Link far more async queries, or more to say of them, than it asked for; the session is dropped. Tell the operator of the Halo API.")]
    partial void LogOverrun();

    [LoggerMessage(2012, LogLevel.Warning, "A message of kind {Kind} from the API could not be read; where this goes on, update Halo Link. {Suppressed} similar messages were suppressed.")]
    partial void LogUnreadable(FrameKind kind, int suppressed);
}

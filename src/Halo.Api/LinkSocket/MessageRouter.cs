using System.Text.Json;
using Halo.Api.Ledger.Records;
using Halo.Api.Links;
using Halo.Api.Links.Configuration;
using Halo.Api.Links.Sessions;
using Halo.Api.Queries;
using Halo.Api.Queries.Async;
using Halo.Api.Queries.Immediate.Pending;
using Halo.Api.Settings;
using Halo.Api.Sites.Pairings;
using Halo.Contracts.Queries;
using Halo.Line;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Failures;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.LinkSocket;

/// <summary>Hands each message of a session to whom it concerns. What is under way is held against the session (<see cref="SessionIntake"/>).</summary>
sealed partial class MessageRouter(
    LinkTokens tokens, SiteReports reports, PendingQueries pending, OutcomeRecorder outcomes, ClaimedQueries claimed, PairingCodes pairing,
    RemoteConfigurations configurations, UnheldMessageLog unheld, QueryLimits limits, TimeProvider time, ILogger<MessageRouter> log)
{
    readonly LogThrottle _unreadable = new(time, perMinute: 10);

    /// <summary>Routes one message; unknown kinds are ignored, so the Link may be newer. Ends when the session may be read on.</summary>
    /// <exception cref="JsonException">It cannot be read.</exception>
    public ValueTask RouteAsync(LinkConnection connection, LinkSession session, Frame frame)
    {
        switch (frame.Kind)
        {
            case FrameKind.Columns:
                var head = frame.Read(ProtocolJson.Default.ResultHead);
                if (FindSent(session, frame) is { } asked)
                    asked.Columns = head.Columns;
                return ValueTask.CompletedTask;
            case FrameKind.Rows:
                AddRows(session, FindSent(session, frame), frame.Payload);
                return ValueTask.CompletedTask;
            case FrameKind.Outcome:
                return HoldAsync(session, frame, outcomes.RecordAsync(session, frame.QueryId, pending.Find(frame.QueryId), frame.Read(ProtocolJson.Default.Outcome)));
            case FrameKind.Answer:
                return HoldAsync(session, frame, OnAnswer(session, frame));
            case FrameKind.ClaimRequest:
                return HoldAsync(session, frame, claimed.OnClaimRequest(session, frame.Read(ProtocolJson.Default.ClaimRequest)));
            case FrameKind.Report:
                return HoldAsync(session, frame, claimed.OnReport(session, frame.QueryId, frame.Read(ProtocolJson.Default.Report)));
            default:
                return RouteOthersAsync(connection, session, frame);
        }
    }

    /// <summary>What concerns the Link and its sites, and no query.</summary>
    async ValueTask RouteOthersAsync(LinkConnection connection, LinkSession session, Frame frame)
    {
        await session.Intake.PaceAsync(frame.Kind, session.Gone);
        switch (frame.Kind)
        {
            case FrameKind.Renew:
                if (await tokens.CheckAsync("Bearer " + frame.Read(ProtocolJson.Default.Renew).AccessToken) is { } access && access.LinkId == connection.LinkId)
                    connection.Renew(access.Until);
                break;
            case FrameKind.Farewell:
                session.Farewell = frame.Read(ProtocolJson.Default.Farewell);
                break;
            case FrameKind.Heartbeat:
                reports.OnHeartbeat(session, frame.Read(ProtocolJson.Default.Heartbeat));
                break;
            case FrameKind.SiteChanges:
                await reports.OnSiteChangesAsync(session, connection.MachineId, frame.Read(ProtocolJson.Default.SiteChanges));
                break;
            case FrameKind.ConfigurationAck:
                configurations.OnAck(session.LinkId, frame.Read(ProtocolJson.Default.ConfigurationAck));
                break;
            case FrameKind.PairingCode:
                await HoldAsync(session, frame, pairing.OnCode(session, frame.Read(ProtocolJson.Default.PairingCode)));
                break;
        }
    }

    static ValueTask HoldAsync(LinkSession session, Frame frame, Task work) => session.Intake.HoldAsync(frame.Payload.Length, work, session.Gone);

    /// <summary>
    /// A message that is too large or cannot be read. Told again in the next session it would be the same, so what it says of a query is
    /// settled by its first fields; the rest is ignored. Neither ends the session.
    /// </summary>
    /// <param name="frame">Of one that is too large, the start.</param>
    public ValueTask RouteUnreadableAsync(LinkSession session, Frame frame, string why)
    {
        if (_unreadable.Lets(out var suppressed))
            LogUnreadable(session.LinkId, frame.Kind, why, suppressed);
        switch (frame.Kind)
        {
            case FrameKind.Columns:
                FindSent(session, frame)?.Spoil();
                return ValueTask.CompletedTask;
            case FrameKind.Outcome or FrameKind.Answer:
                var json = frame.Kind == FrameKind.Outcome ? frame.Payload : frame.Payload[Math.Min(AnswerPayload.LengthBytes, frame.Payload.Length)..];
                return HoldAsync(session, frame,
                    outcomes.RecordAsync(session, frame.QueryId, pending.Find(frame.QueryId), Untold(MessageHead.Read(json.Span).Executed)));
            case FrameKind.Report when MessageHead.Read(frame.Payload.Span) is { ClaimId: { } claim } head:
                return HoldAsync(session, frame, claimed.OnUnreadableReport(session, frame.QueryId, claim, head));
            default:
                return ValueTask.CompletedTask;
        }
    }

    static Outcome Untold(Executed executed) => new(Ending.Failed, executed) { Error = Failure.Unreadable };

    Task OnAnswer(LinkSession session, Frame frame)
    {
        if (!AnswerPayload.TryRead(frame.Payload, out var json, out var rows))
            throw new JsonException("An answer is shorter than it says.");
        var outcome = json.Read(ProtocolJson.Default.Outcome);
        var query = pending.Find(frame.QueryId);
        if (query is not null && IsBy(session, query, frame.Kind))
        {
            query.Columns = outcome.Columns ?? [];
            AddRows(session, query, rows);
        }
        return outcomes.RecordAsync(session, frame.QueryId, query, outcome);
    }

    /// <summary>The query that was sent over this session; null where nobody waits any more, or it is another's.</summary>
    PendingQuery? FindSent(LinkSession session, Frame frame) =>
        pending.Find(frame.QueryId) is { } query && IsBy(session, query, frame.Kind) ? query : null;

    bool IsBy(LinkSession session, PendingQuery query, FrameKind kind)
    {
        if (ReferenceEquals(query.Session, session))
            return true;
        if (!query.MayEndBy(session))
            unheld.Met(session.LinkId, kind);
        return false;
    }

    void AddRows(LinkSession session, PendingQuery? query, ReadOnlyMemory<byte> rows)
    {
        var grant = query?.Add(rows.Span, limits.ImmediateResultBytes, ProtocolLimits.CreditWindowBytes) ?? 0;
        if (grant > 0)
            session.Grant(query!.QueryId, grant);
    }

    [LoggerMessage(1113, LogLevel.Warning, "Link {LinkId} sent a {Kind} that was ignored: {Why}. {Suppressed} similar messages were suppressed.")]
    partial void LogUnreadable(Guid linkId, FrameKind kind, string why, int suppressed);
}

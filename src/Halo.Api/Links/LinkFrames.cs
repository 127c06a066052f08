using System.Text.Json;
using Halo.Api.Links.Configuration;
using Halo.Api.Queries.Async;
using Halo.Api.Queries.Immediate;
using Halo.Api.Queries.Ledger;
using Halo.Api.Sites;
using Halo.Contracts.Queries;
using Halo.Line;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Links;

/// <summary>What a Link says of queries and pairing codes, handed to whom it concerns. Nothing here waits; what is under way is held against the session (<see cref="SessionIntake"/>).</summary>
sealed partial class LinkFrames(ImmediateQueries immediate, ClaimedQueries claimed, PairingCodes pairing, RemoteConfigurations configurations, TimeProvider time, ILogger<LinkFrames> log)
{
    /// <summary>Handles one frame; unknown kinds are ignored, so the Link may be newer.</summary>
    public void Handle(LinkSession session, Frame frame)
    {
        var payload = frame.Payload;
        switch (frame.Kind)
        {
            case FrameKind.Columns:
                immediate.OnColumns(session, frame.QueryId, frame.Read(ProtocolJson.Default.ResultHead));
                break;
            case FrameKind.Rows:
                immediate.OnRows(session, frame.QueryId, payload);
                break;
            case FrameKind.Outcome:
                Hold(immediate.OnOutcome(session, frame.QueryId, frame.Read(ProtocolJson.Default.Outcome)));
                break;
            case FrameKind.Answer:
                Hold(OnAnswer(session, frame));
                break;
            case FrameKind.PairingCode:
                Hold(pairing.OnCode(session, frame.Read(ProtocolJson.Default.PairingCode)));
                break;
            case FrameKind.ConfigurationAck:
                configurations.OnAck(session.LinkId, frame.Read(ProtocolJson.Default.ConfigurationAck));
                break;
            case FrameKind.ClaimRequest:
                Hold(claimed.OnClaimRequest(session, frame.Read(ProtocolJson.Default.ClaimRequest)));
                break;
            case FrameKind.Report:
                Hold(claimed.OnReport(session, frame.QueryId, frame.Read(ProtocolJson.Default.Report)));
                break;
        }

        void Hold(Task work) => session.Intake.Hold(payload.Length, work);
    }

    /// <summary>
    /// A message that is too large or cannot be read. Told again in the next session it would be the same, so what it says of a query is
    /// settled by its first fields; the rest is ignored. Neither ends the session.
    /// </summary>
    /// <param name="frame">Of one that is too large, the start.</param>
    public void HandleUnreadable(LinkSession session, Frame frame, string why)
    {
        if (_unreadable.Lets(out var suppressed))
            LogUnreadable(session.LinkId, frame.Kind, why, suppressed);
        switch (frame.Kind)
        {
            case FrameKind.Columns:
                immediate.OnColumnsLost(session, frame.QueryId);
                break;
            case FrameKind.Outcome or FrameKind.Answer:
                var json = frame.Kind == FrameKind.Outcome ? frame.Payload : frame.Payload[Math.Min(AnswerPayload.LengthBytes, frame.Payload.Length)..];
                session.Intake.Hold(frame.Payload.Length, immediate.OnOutcome(session, frame.QueryId, Untold(MessageHead.Read(json.Span).Executed)));
                break;
            case FrameKind.Report:
                if (MessageHead.Read(frame.Payload.Span) is { ClaimId: { } claim } head)
                    session.Intake.Hold(frame.Payload.Length, claimed.OnUnreadableReport(session, frame.QueryId, claim, head));
                break;
        }
    }

    static Outcome Untold(Executed executed) => new(Ending.Failed, executed) { Error = Failures.Untold };

    Task OnAnswer(LinkSession session, Frame frame)
    {
        if (!AnswerPayload.TryRead(frame.Payload, out var json, out var rows))
            throw new JsonException("An answer is shorter than it says.");
        var outcome = json.Read(ProtocolJson.Default.Outcome);
        immediate.OnColumns(session, frame.QueryId, new ResultHead(outcome.Columns ?? []));
        immediate.OnRows(session, frame.QueryId, rows);
        return immediate.OnOutcome(session, frame.QueryId, outcome);
    }

    readonly LogThrottle _unreadable = new(time, perMinute: 10);

    [LoggerMessage(1113, LogLevel.Warning, "Link {LinkId} sent a {Kind} that was ignored: {Why}. {Suppressed} similar messages were suppressed.")]
    partial void LogUnreadable(Guid linkId, FrameKind kind, string why, int suppressed);
}

using System.Text.Json;
using Halo.Api.Links.Configuration;
using Halo.Api.Queries.Async;
using Halo.Api.Queries.Immediate;
using Halo.Api.Sites;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Links;

/// <summary>What a Link says of queries and pairing codes, handed to whom it concerns. Nothing here waits: the socket is always read.</summary>
public sealed class LinkFrames(ImmediateQueries immediate, ClaimedQueries claimed, PairingCodes pairing, RemoteConfigurations configurations)
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
                immediate.OnOutcome(session, frame.QueryId, frame.Read(ProtocolJson.Default.Outcome));
                break;
            case FrameKind.Answer:
                OnAnswer(session, frame);
                break;
            case FrameKind.PairingCode:
                pairing.OnCode(session, frame.Read(ProtocolJson.Default.PairingCode));
                break;
            case FrameKind.ConfigurationAck:
                configurations.OnAck(session.LinkId, frame.Read(ProtocolJson.Default.ConfigurationAck));
                break;
            case FrameKind.ClaimRequest:
                claimed.OnClaimRequest(session, frame.Read(ProtocolJson.Default.ClaimRequest));
                break;
            case FrameKind.Report:
                claimed.OnReport(session, frame.QueryId, frame.Read(ProtocolJson.Default.Report));
                break;
        }
    }

    void OnAnswer(LinkSession session, Frame frame)
    {
        if (!AnswerPayload.TryRead(frame.Payload, out var json, out var rows))
            throw new JsonException("An answer is shorter than it says.");
        var outcome = json.Read(ProtocolJson.Default.Outcome);
        immediate.OnColumns(session, frame.QueryId, new ResultHead(outcome.Columns ?? []));
        immediate.OnRows(session, frame.QueryId, rows);
        immediate.OnOutcome(session, frame.QueryId, outcome);
    }
}

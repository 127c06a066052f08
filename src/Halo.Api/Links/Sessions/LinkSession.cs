using System.Buffers.Binary;
using System.Collections.Frozen;
using System.Text.Json;
using Halo.Api.Basics;
using Halo.Api.Ledger.Records;
using Halo.Line;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Bounds;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Links.Sessions;

/// <summary>One open session of a Link.</summary>
sealed class LinkSession(Guid id, Guid linkId, Guid runId, LineConnection line, IReadOnlyList<Guid> siteIds)
{
    readonly Lock _telling = new();

    /// <summary>The session's id.</summary>
    public Guid Id => id;

    /// <summary>Whose it is.</summary>
    public Guid LinkId => linkId;

    /// <summary>The start of the Link's process that it belongs to.</summary>
    public Guid RunId => runId;

    /// <summary>The sites that it serves now; the Link may describe them again.</summary>
    public IReadOnlyList<Guid> SiteIds { get; set; } = siteIds;

    /// <summary>Immediate queries that its run had when it said Hello.</summary>
    public IReadOnlySet<Guid> Immediates { get; init; } = FrozenSet<Guid>.Empty;

    /// <summary>Whether the Link runs registered queries; older ones do not.</summary>
    public bool RunsRegistered { get; init; }

    /// <summary>Whether its Link runs several commands in one transaction.</summary>
    public bool RunsBatches { get; init; }

    /// <summary>Whether its Link describes commands without running them.</summary>
    public bool DescribesCommands { get; init; }

    /// <summary>Whether its Link reads the catalogues of its databases.</summary>
    public bool ReadsSchemas { get; init; }

    /// <summary>Whether the Link has an updater, and takes word of releases.</summary>
    public bool TakesUpdates { get; init; }

    /// <summary>Which version it was told last to run.</summary>
    public UpdateTarget? ToldUpdate { get; set; }

    /// <summary>When it was opened.</summary>
    public DateTimeOffset OpenedAt { get; init; }

    /// <summary>The Link's last words, once it has said them.</summary>
    public Farewell? Farewell { get; set; }

    /// <summary>How the ledger names it.</summary>
    public SessionReference Reference => new(LinkId, RunId, Id);

    /// <summary>What it may have under way here.</summary>
    public required SessionIntake Intake { get; init; }

    /// <summary>Claims and reports of this session, one after another.</summary>
    public SerialTaskQueue Work { get; } = new();

    /// <summary>Cancelled when its connection is gone.</summary>
    public CancellationToken Gone => line.Dead;

    /// <summary>Ends it, and tells the Link why (<see cref="LineCloseReason"/>).</summary>
    public Task CloseAsync(string reason) => line.CloseAsync(reason);

    /// <summary>Whether the Link answers.</summary>
    public Task<bool> ProbeAsync(CancellationToken giveUp) => line.ProbeAsync(giveUp);

    /// <summary>Sends an immediate query on its way.</summary>
    /// <returns>False when the line is gone: it may not have arrived.</returns>
    public ValueTask<bool> ExecuteAsync(Guid queryId, Execute command, CancellationToken giveUp) =>
        line.SendAsync(FrameKind.Execute, queryId, command, ProtocolJson.Default.Execute, giveUp);

    /// <summary>Asks to stop a query.</summary>
    public void Cancel(Guid queryId) => _ = line.SendAsync(FrameKind.Cancel, queryId).AsTask();

    /// <summary>Lets the Link send so many more bytes of rows.</summary>
    public void Grant(Guid queryId, int bytes)
    {
        Span<byte> payload = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(payload, (uint)bytes);
        _ = line.SendAsync(FrameKind.Credit, queryId, payload).AsTask();
    }

    /// <summary>The outcome is durable: the Link may forget it. Just now the answer is on its way to the caller, and nobody waits for this.</summary>
    public void Acknowledge(Guid queryId) => line.SendLater(FrameKind.OutcomeAck, queryId);

    /// <summary>Hands claims over, in as many messages as their commands need.</summary>
    public async ValueTask<bool> ClaimsAsync(IReadOnlyList<Claim> claims)
    {
        var head = "{\"items\":["u8.ToArray();
        using var message = new MemoryStream();
        message.Write(head);
        var sent = true;
        foreach (var claim in claims)
        {
            var json = JsonSerializer.SerializeToUtf8Bytes(claim, ProtocolJson.Default.Claim);
            if (message.Length > head.Length && message.Length + json.Length + 3 > FrameBounds.FromApi(FrameKind.Claims))
            {
                sent &= await EndAsync(message);
                message.SetLength(head.Length);
            }
            if (message.Length > head.Length)
                message.WriteByte((byte)',');
            message.Write(json);
        }
        return sent & await EndAsync(message);

        ValueTask<bool> EndAsync(MemoryStream whole)
        {
            whole.Write("]}"u8);
            return line.SendAsync(FrameKind.Claims, Guid.Empty, whole.GetBuffer().AsSpan(0, (int)whole.Length));
        }
    }

    /// <summary>Says what the ledger made of a report.</summary>
    public ValueTask<bool> AcknowledgeAsync(Guid queryId, ReportAck message) =>
        line.SendAsync(FrameKind.ReportAck, queryId, message, ProtocolJson.Default.ReportAck);

    /// <summary>Says what became of its sites.</summary>
    public void Tell(SiteNotices notices) => _ = TellAsync(notices).AsTask();

    /// <inheritdoc cref="Tell(SiteNotices)"/>
    public ValueTask<bool> TellAsync(SiteNotices notices) => line.SendAsync(FrameKind.SiteNotices, Guid.Empty, notices, ProtocolJson.Default.SiteNotices);

    /// <summary>Says what became of a pairing code.</summary>
    public void Tell(PairingCodeAck ack) => _ = line.SendAsync(FrameKind.PairingCodeAck, Guid.Empty, ack, ProtocolJson.Default.PairingCodeAck).AsTask();

    /// <summary>Says what the operator wants the Link to run with.</summary>
    public void Tell(RemoteConfiguration configuration) => _ = TellAsync(configuration).AsTask();

    /// <inheritdoc cref="Tell(RemoteConfiguration)"/>
    public ValueTask<bool> TellAsync(RemoteConfiguration configuration) =>
        line.SendAsync(FrameKind.Configuration, Guid.Empty, configuration, ProtocolJson.Default.RemoteConfiguration);

    /// <summary>Says which version the Link should run, where that is news.</summary>
    /// <param name="latest">Asked within: of two who say so at once the later one knows more.</param>
    public void TellUpdate(Func<UpdateTarget> latest)
    {
        lock (_telling)
        {
            var target = latest();
            if (target.IsSame(ToldUpdate))
                return;
            ToldUpdate = target;
            _ = line.SendAsync(FrameKind.UpdateTarget, Guid.Empty, target, ProtocolJson.Default.UpdateTarget).AsTask();
        }
    }

    /// <summary>Says that what is registered at its sites has changed.</summary>
    public void RegisteredChanged() => _ = line.SendAsync(FrameKind.RegisteredChanged, Guid.Empty).AsTask();

    /// <summary>Says that async work may be waiting.</summary>
    public void WorkAvailable() => _ = line.SendAsync(FrameKind.WorkAvailable, Guid.Empty).AsTask();
}

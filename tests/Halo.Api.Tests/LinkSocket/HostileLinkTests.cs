using System.Globalization;
using System.Text;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Bounds;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Halo.Testing;

namespace Halo.Api.Tests.LinkSocket;

/// <summary>
/// An enrolled Link that sends every message at the wrong time, about the wrong query, at its largest, malformed and in floods. Only its
/// own practice suffers, and the memory stays bounded. HALO_HOSTILE_SECONDS (default 3) is how long.
/// </summary>
[Collection(nameof(Alone))]
public sealed class HostileLinkTests
{
    static readonly TimeSpan Long = TimeSpan.FromSeconds(
        double.TryParse(Environment.GetEnvironmentVariable("HALO_HOSTILE_SECONDS"), CultureInfo.InvariantCulture, out var seconds) ? seconds : 3);

    /// <summary>Pooled buffers of the largest messages at both ends are in it: the Link runs in this process too.</summary>
    const long MostGrowth = 400L * 1024 * 1024;

    static readonly FrameKind[] Kinds = [.. Enum.GetValues<FrameKind>().Except([FrameKind.Hello, FrameKind.None]), (FrameKind)0x7E, (FrameKind)0xFE];

    [Fact]
    public async Task A_hostile_Link_hurts_nobody_but_itself()
    {
        // The query that is under way all the while may take as long as the attack.
        await using var host = await ApiHost.StartAsync("Halo:Limits:AsyncExecutionMs=86400000");
        await using var innocent = await PairedSite.CreateAsync(host);
        await using var hostile = await PairedSite.CreateAsync(host);
        var random = new Random(4711);
        using var over = new CancellationTokenSource(Long);
        var before = CommittedMemory.Measure();
        var (queued, claim) = await innocent.QueueAndClaimAsync();
        long sent = 0, lines = 0, asked = 0;
        var attack = Task.Run(async () =>
        {
            while (!over.IsCancellationRequested)
            {
                var stolen = random.Next(3) switch { 0 => queued.Id, 1 => Guid.NewGuid(), _ => claim.ClaimId };
                if (!await hostile.Link.Line.SendFrameAsync(Frame(random, stolen, claim.ClaimId, hostile.Link.SiteId)))
                {
                    lines++;
                    await hostile.Link.ConnectAsync();
                }
                sent++;
            }
        }, CancellationToken.None);
        while (!over.IsCancellationRequested)
        {
            var answer = innocent.AskAsync();
            var (id, _) = await innocent.Link.ExpectExecuteAsync();
            _ = hostile.Link.TellAsync(id, new Outcome(Ending.Failed, Executed.No)).AsTask();
            await innocent.Link.AnswerAsync(id, """[{"n":1}]""", 1);
            using var response = await answer;
            Assert.Equal(200, (int)response.StatusCode);
            // As Links do: a session ends with its token, after ten minutes.
            if (++asked % 1000 == 0)
                await innocent.Link.RenewAsync();
        }
        await attack;
        Assert.Equal(QueryStatus.Executing, (await innocent.GetAsync(queued.Id)).Status);
        Assert.True((await innocent.Link.ReportAsync(queued.Id, new Report(claim.ClaimId, ReportKind.Complete) { RowsAffected = 1 })).Accepted);
        Assert.False(innocent.Link.Line.Dead.IsCancellationRequested);
        var growth = CommittedMemory.Measure() - before;
        TestContext.Current.SendDiagnosticMessage($"{sent} messages, {lines} new lines, {asked} queries of the other practice, {growth / 1024 / 1024} MiB more");
        Assert.InRange(growth, long.MinValue, MostGrowth);
        Assert.True(asked > 0 && sent > 0);
    }

    /// <summary>A message of some kind: empty, noise, half of one, or one that can be read; small, at its bound or over it.</summary>
    static byte[] Frame(Random random, Guid query, Guid claim, Guid site)
    {
        var kind = Kinds[random.Next(Kinds.Length)];
        byte[] payload = random.Next(8) switch
        {
            0 => [],
            1 => Noise(random, random.Next(200)),
            2 => Noise(random, random.Next(100) == 0 ? FrameBounds.FromLink(kind) : 4096),
            3 => Noise(random, random.Next(100) == 0 ? FrameBounds.FromLink(kind) + 1 : 8192),
            4 => Encoding.UTF8.GetBytes(Read(random, kind, claim, site))[..^1],
            _ => Encoding.UTF8.GetBytes(Read(random, kind, claim, site)),
        };
        var frame = new byte[FrameCodec.HeaderBytes(kind) + payload.Length];
        FrameCodec.WriteHeader(frame, kind, query);
        payload.CopyTo(frame.AsSpan(FrameCodec.HeaderBytes(kind)));
        return frame;
    }

    static byte[] Noise(Random random, int length)
    {
        var noise = new byte[length];
        if (random.Next(2) == 0)
            random.NextBytes(noise);
        else
            noise.AsSpan().Fill((byte)'[');
        return noise;
    }

    static string Read(Random random, FrameKind kind, Guid claim, Guid site)
    {
        var text = new string('x', random.Next(20) == 0 ? 1_000_000 : 10);
        return kind switch
        {
            FrameKind.Heartbeat => $$$"""{"clockUtc":"2026-03-05T14:30:00.123Z","linkVersion":"{{{text}}}","uptimeSeconds":1,"queues":{"immediateWaiting":0,"immediateRunning":0,"asyncRunning":0,"uploading":0},"databases":[{"siteId":"{{{site}}}","health":{"status":"failing","errorCode":"{{{text}}}"}}],"spoolBytes":1}""",
            FrameKind.ClaimRequest => $$"""{"slots":{{random.Next(-5, 1000)}}}""",
            FrameKind.Report => $$$"""{"claimId":"{{{claim}}}","kind":"{{{(random.Next(2) == 0 ? "failed" : "complete")}}}","executed":"no","error":{"errorType":"x","errorCode":1,"errorMessage":"{{{text}}}"}}""",
            FrameKind.Outcome => $$$"""{"ending":"failed","executed":"no","error":{"errorType":"x","errorCode":1,"errorMessage":"{{{text}}}"}}""",
            FrameKind.Columns => $$$"""{"columns":[{"name":"{{{text}}}","databaseType":"{{{text}}}"}]}""",
            FrameKind.PairingCode => $$"""{"requestId":"{{claim}}","siteId":"{{site}}","code":"{{text}}"}""",
            FrameKind.ConfigurationAck => $$$"""{"version":{{{random.Next()}}},"refused":[{"setting":"{{{text}}}","reason":"{{{text}}}"}]}""",
            FrameKind.SiteChanges => $$"""{"id":"{{claim}}","sites":[]}""",
            FrameKind.Renew => $$"""{"accessToken":"{{text}}"}""",
            FrameKind.Farewell => $$"""{"immediates":["{{claim}}"]}""",
            _ => text,
        };
    }
}

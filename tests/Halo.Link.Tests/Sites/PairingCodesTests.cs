using System.Text.Json;
using Halo.Link.Sites;
using Halo.Link.Status;
using Halo.Link.Tests.Session;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Halo.Testing;

namespace Halo.Link.Tests.Sites;

public class PairingCodesTests
{
    [Fact]
    public async Task A_code_is_made_here_and_shown_when_the_api_has_it()
    {
        await using var api = await TestApi.StartAsync();
        await using var link = new RunningLink(api.Address).Start();
        var session = await api.NextSessionAsync();
        await session.WelcomeAsync();
        await session.NextAsync(FrameKind.Heartbeat);
        var asking = AskAsync(link);
        var message = Read((await session.NextAsync(FrameKind.PairingCode)).Payload);
        Assert.True(PairingCode.IsCode(message.Code));
        Assert.False(asking.IsCompleted);
        var until = new DateTimeOffset(2026, 11, 23, 9, 0, 0, TimeSpan.Zero);
        await session.Line.SendAsync(FrameKind.PairingCodeAck, Guid.Empty,
            new PairingCodeAck(message.RequestId, true, "Give it to one integrator.") { ExpiresAt = until }, ProtocolJson.Default.PairingCodeAck);
        var report = await asking;
        Assert.Equal((message.Code, message.SiteId, until), (report.Code, report.SiteId, report.ExpiresAt));
        Assert.Equal(message.Code, report.ToText().Split('\n')[0]);
    }

    [Fact]
    public async Task Without_a_session_and_for_a_foreign_site_the_command_says_so()
    {
        await using var link = new RunningLink("http://127.0.0.1:9").Start();
        var refused = await AskAsync(link);
        Assert.Null(refused.Code);
        Assert.Contains("not connected", refused.Message, StringComparison.Ordinal);
        Assert.Contains("not one of this Link's", (await AskAsync(link, Guid.NewGuid())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Status_is_answered_while_a_code_is_awaited()
    {
        await using var api = await TestApi.StartAsync();
        await using var link = new RunningLink(api.Address).Start();
        var session = await api.NextSessionAsync();
        await session.WelcomeAsync();
        await session.NextAsync(FrameKind.Heartbeat);
        var asking = AskAsync(link);
        var message = Read((await session.NextAsync(FrameKind.PairingCode)).Payload);
        Assert.NotNull(await StatusServer.AskAsync(link.Settings.DataDirectory, default));
        await session.Line.SendAsync(FrameKind.PairingCodeAck, Guid.Empty,
            new PairingCodeAck(message.RequestId, false, "An operator removed this site."), ProtocolJson.Default.PairingCodeAck);
        Assert.Equal("An operator removed this site.", (await asking).Message);
    }

    [Fact]
    public async Task An_older_api_that_ignores_the_code_is_named_after_a_bounded_wait()
    {
        await using var api = await TestApi.StartAsync();
        await using var link = new RunningLink(api.Address).Start();
        var session = await api.NextSessionAsync();
        await session.WelcomeAsync();
        await session.NextAsync(FrameKind.Heartbeat);
        var report = await AskAsync(link);
        Assert.Null(report.Code);
        Assert.Contains("update", report.Message, StringComparison.Ordinal);
    }

    static PairingCode Read(byte[] payload) => JsonSerializer.Deserialize(payload, ProtocolJson.Default.PairingCode)!;

    // The socket opens a moment after the Link has started.
    static async Task<PairingReport> AskAsync(RunningLink link, Guid? siteId = null) => (await Eventually.BecomesAsync(
        () => StatusServer.AskPairingCodeAsync(link.Settings.DataDirectory, siteId, default), report => report is not null))!;
}

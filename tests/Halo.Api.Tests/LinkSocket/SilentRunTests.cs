using System.Net.WebSockets;
using System.Text.Json;
using Halo.Api.Tests.Hosting;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Enrolment;
using Halo.LinkProtocol.Frames;

namespace Halo.Api.Tests.LinkSocket;

/// <summary>Apart from the other session tests because it takes the ten seconds that a silent run is given.</summary>
public class SilentRunTests
{
    [Fact]
    public async Task A_run_that_answers_no_more_makes_room_for_a_new_one_at_its_first_try()
    {
        await using var host = await ApiHost.StartAsync();
        await using var link = new SimulatedLink(host);
        using var enrolled = await link.EnrolAsync();
        using var silent = new ClientWebSocket();
        silent.Options.AddSubProtocol(ProtocolLimits.Subprotocol);
        silent.Options.SetRequestHeader("Authorization", $"Bearer {await link.TokenAsync()}");
        await silent.ConnectAsync(new UriBuilder(host.Address) { Scheme = "ws", Path = LinkHttp.SocketPath }.Uri, default);
        await silent.SendAsync((byte[])[(byte)FrameKind.Hello, .. JsonSerializer.SerializeToUtf8Bytes(link.Hello(), ProtocolJson.Default.Hello)],
            WebSocketMessageType.Binary, endOfMessage: true, default);
        Assert.Equal((byte)FrameKind.Welcome, await FirstByteAsync(silent));

        link.RunId = Guid.NewGuid();
        await link.ConnectAsync();
        Assert.False(link.Line.Dead.IsCancellationRequested);
        Assert.Empty(await link.ClaimAsync());
    }

    static async Task<byte> FirstByteAsync(ClientWebSocket socket)
    {
        var buffer = new byte[64 * 1024];
        await socket.ReceiveAsync(buffer, default);
        return buffer[0];
    }
}

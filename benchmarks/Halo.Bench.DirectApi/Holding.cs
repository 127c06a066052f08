using System.Net.WebSockets;

namespace Halo.Bench.DirectApi;

/// <summary>A WebSocket that stands open: what the server alone takes for each.</summary>
static class Holding
{
    public static async Task RunAsync(HttpContext http)
    {
        using var socket = await http.WebSockets.AcceptWebSocketAsync(http.WebSockets.WebSocketRequestedProtocols[0]);
        // Without room, as Halo waits: no buffer for what does not come.
        await socket.ReceiveAsync(Memory<byte>.Empty, http.RequestAborted);
    }
}

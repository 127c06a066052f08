using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text.Json;
using Halo.Contracts.Queries;
using Halo.Line;
using Halo.Link.Engines;
using Halo.Link.Journal;
using Halo.Link.Sites;
using Halo.Link.Transport;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.Logging.Abstractions;

namespace Halo.Link.Work.Immediate;

/// <summary>
/// Before the first session: immediate queries <c>SELECT 1</c> over a line of the Link's own, whose other end is here, too. They go the whole way of a query,
/// under the practice's rules, so that it is compiled before the first caller comes.
/// </summary>
/// <remarks>
/// One database of each engine gets some hundred of them, every other that was reached gets one: its connection is open then. What they leave
/// is not told to the API. Whatever goes wrong costs the first callers some time, and the start nothing.
/// </remarks>
sealed class WarmUp(LocalSites sites, CommandExecutor executor, ClaimJournal journal, TimeProvider time)
{
    const int MostResultBytes = 1024;

    /// <summary>So many queries in a row are one integrator's.</summary>
    const int CallsOfOne = 5;

    /// <summary>Nobody: a session that gets another name than it has is prepared for it.</summary>
    static readonly Guid Integrator = new(1, 0, 0, new byte[8]);

    int _asked;
    int _answered;

    /// <param name="longest">No start waits longer for it; zero: nothing is done.</param>
    /// <param name="stop">Ends it.</param>
    /// <returns>How many queries were answered.</returns>
    public async Task<int> RunAsync(TimeSpan longest, CancellationToken stop)
    {
        var reached = sites.All.Where(s => s.OwnConnector is { ConnectedAt: not 0, Outage: null } && !s.IsHeldBack).ToList();
        if (longest == TimeSpan.Zero || reached.Count == 0)
            return 0;
        using var limit = new CancellationTokenSource(longest, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stop);
        try
        {
            await RunAsync(reached, either.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or SocketException or WebSocketException)
        {
            stop.ThrowIfCancellationRequested();
            // Its time is over, or this machine has no way to itself. What ails a database is told by whoever asks it in earnest.
        }
        return _answered;
    }

    async Task RunAsync(IReadOnlyList<LocalSite> reached, CancellationToken stop)
    {
        var (link, api) = await ConnectAsync(time, stop);
        await using var linkEnd = link;
        await using var apiEnd = api;
        var session = new CurrentSession();
        session.Set(link);
        var immediate = new ImmediateQueries(sites, executor, 1, session, new(time), journal, time, NullLogger<ImmediateQueries>.Instance);
        var answered = new TaskCompletionSource();
        var receiving = Task.WhenAll(link.ReceiveAsync(frame =>
        {
            if (frame.Kind == FrameKind.Execute)
                immediate.Execute(frame.QueryId, JsonSerializer.Deserialize(frame.Payload.Span, ProtocolJson.Default.Execute)!, link, frame.Payload.Length);
            else if (frame.Kind == FrameKind.OutcomeAck)
                immediate.Acknowledge(frame.QueryId);
            return ValueTask.CompletedTask;
        }), api.ReceiveAsync(frame =>
        {
            api.SendLater(FrameKind.OutcomeAck, frame.QueryId);
            answered.TrySetResult();
            return ValueTask.CompletedTask;
        }));
        foreach (var site in reached.DistinctBy(s => s.Settings.Engine))
            await CompilerWarmUp.RunAsync(() => AskAsync(site, IntegratorFor(site)), time, stop);
        foreach (var site in reached)
            await AskAsync(site, Guid.Empty);
        link.Abort(LineCloseReason.LinkStopping);
        api.Abort(LineCloseReason.LinkStopping);
        await receiving;

        async Task AskAsync(LocalSite site, Guid integrator)
        {
            answered = new(TaskCreationOptions.RunContinuationsAsynchronously);
            var query = new Execute(site.Id, integrator, new QueryCommand("SELECT 1"), 1000, 1000, MostResultBytes);
            await api.SendAsync(FrameKind.Execute, new Guid(++_asked, 0, 0, new byte[8]), query, ProtocolJson.Default.Execute, stop);
            await answered.Task.WaitAsync(stop);
            _answered++;
        }
    }

    /// <summary>As in life the session is now another's, now the same one's. SQL Server would have a login for each name.</summary>
    Guid IntegratorFor(LocalSite site) => site.Settings.Engine != EngineNames.SqlServer && _asked / CallsOfOne % 2 == 1 ? Integrator : Guid.Empty;

    static async Task<(LineConnection Link, LineConnection Api)> ConnectAsync(TimeProvider time, CancellationToken stop)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start(1);
        var here = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await here.ConnectAsync(listener.LocalEndpoint, stop);
        return (Over(here, isServer: false), Over(await listener.AcceptSocketAsync(stop), isServer: true));

        LineConnection Over(Socket socket, bool isServer)
        {
            socket.NoDelay = true;
            var output = new CoalescingStream(new NetworkStream(socket, ownsSocket: true), time);
            return new(WebSocket.CreateFromStream(output, new() { IsServer = isServer, SubProtocol = ProtocolLimits.Subprotocol, KeepAliveInterval = TimeSpan.Zero }), output, time);
        }
    }
}

using System.Collections.Concurrent;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text.Json;
using System.Threading.Channels;
using Halo.Api.LinkSocket;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Halo.Line;
using Halo.Link.Tests.Pages;
using Halo.Link.Transport;
using Halo.Link.Work.Async;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Enrolment;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Tests.Work.Async;

/// <summary>
/// Stands for the API: a real Kestrel that takes pages and speaks the line. It is small because the Link must not depend on
/// Halo.Api, and because a test has to make it fail at any moment: the whole API is tested with the Link in Halo.SystemTests.
/// </summary>
sealed class ApiStandIn : IAsyncDisposable
{
    /// <summary>For <see cref="OnPage"/>: 409 as the API says it of a query that is settled, and not of a page that differs.</summary>
    public const int Settled = -409;

    readonly WebApplication _app;
    readonly Channel<(Guid QueryId, Report Report)> _reports = Channel.CreateUnbounded<(Guid, Report)>();
    TaskCompletionSource<LineConnection> _accepted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    LineConnection? _server;
    LineConnection? _client;
    Task _receiving = Task.CompletedTask;

    ApiStandIn(WebApplication app) => _app = app;

    /// <summary>Claims to be had.</summary>
    public ConcurrentQueue<Claim> Waiting { get; } = new();

    /// <summary>Slots asked for, one entry per request.</summary>
    public ConcurrentQueue<int> Asked { get; } = new();

    /// <summary>False: an API that does not know <see cref="ClaimRequest.ExceptSites"/>.</summary>
    public bool HeedsExceptSites { get; set; } = true;

    /// <summary>Pages as they came.</summary>
    public ConcurrentDictionary<(Guid QueryId, int Page), StoredPage> Pages { get; } = new();

    /// <summary>Requests for pages, in order, refused ones included.</summary>
    public ConcurrentQueue<(int Page, string Bearer, Guid ClaimId)> Puts { get; } = new();

    /// <summary>Decides over a page before it is taken: a status, or null to take it. Count: how many requests came before for it.</summary>
    public Func<HttpContext, int, int, Task<int?>>? OnPage { get; set; }

    /// <summary>What is said to a report; null: silence. By default accepted, with pages that are missing.</summary>
    public Func<Guid, Report, ReportAck?>? OnReport { get; set; }

    public HttpClient Http { get; private set; } = null!;

    public static async Task<ApiStandIn> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var api = new ApiStandIn(app);
        app.Use(CoalescingUpgrade.OfferAsync);
        app.UseWebSockets();
        app.MapPut("/link/v1/queries/{queryId:guid}/pages/{page:int}", api.TakePageAsync);
        app.Map(LinkHttp.SocketPath, api.AcceptAsync);
        await app.StartAsync();
        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        api.Http = new HttpClient { BaseAddress = new Uri(address), Timeout = Timeout.InfiniteTimeSpan };
        return api;
    }

    /// <summary>Opens a session as the session loop does: Hello with what is held, Welcome with verdicts, then frames.</summary>
    public async Task<IReadOnlyList<HeldClaim>> ConnectAsync(AsyncQueries queries, CurrentSession current, Func<HeldClaim, Verdict>? judge = null)
    {
        await DisconnectAsync(current);
        _accepted = new(TaskCreationOptions.RunContinuationsAsynchronously);
        var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol(ProtocolLimits.Subprotocol);
        using var handler = new SocketsHttpHandler();
        var address = new UriBuilder(Http.BaseAddress!) { Scheme = "ws", Path = LinkHttp.SocketPath }.Uri;
        var output = await CoalescingUpgradeHandler.ConnectAsync(socket, address, handler, TimeProvider.System, CancellationToken.None);
        _client = new LineConnection(socket, output, TimeProvider.System);
        _server = await _accepted.Task;
        var (held, _) = await queries.HeldAsync();
        current.Set(_client);
        _receiving = _client.ReceiveAsync(frame => Dispatch(queries, frame));
        var verdicts = held.Select(c => new ClaimVerdict(c.ClaimId, judge?.Invoke(c) ?? Verdict.Continue)).ToArray();
        queries.OnWelcome(new Welcome(Guid.NewGuid(), "26.1122.1", 60, verdicts, []));
        return held;
    }

    public async Task DisconnectAsync(CurrentSession current)
    {
        current.Set(null);
        if (_client is null)
            return;
        _client.Abort("test");
        await _receiving;
        _client = null;
    }

    /// <summary>Tells the Link that there is work.</summary>
    public async Task TellOfWorkAsync() => await _server!.SendAsync(FrameKind.WorkAvailable, Guid.Empty);

    /// <summary>The next report of this kind; others are passed over.</summary>
    public async Task<Report> NextAsync(ReportKind kind, Guid? queryId = null)
    {
        using var patience = new CancellationTokenSource(Eventually.Limit);
        var others = new List<string>();
        try
        {
            while (true)
            {
                var (id, report) = await _reports.Reader.ReadAsync(patience.Token);
                if (report.Kind == kind && (queryId is null || id == queryId))
                    return report;
                others.Add($"{report.Kind} {report.Error?.Code}");
            }
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"No {kind} came, but: {string.Join(", ", others)}.");
        }
    }

    /// <summary>Reports that came and were not asked for yet.</summary>
    public IReadOnlyList<Report> TakeReports()
    {
        var reports = new List<Report>();
        while (_reports.Reader.TryRead(out var next))
            reports.Add(next.Report);
        return reports;
    }

    /// <summary>The rows of all pages of a query, as they would be read.</summary>
    public string[] RowsOf(Guid queryId) => [.. Pages.Where(p => p.Key.QueryId == queryId).OrderBy(p => p.Key.Page)
        .SelectMany(p => JsonSerializer.Deserialize<JsonElement[]>(TestRows.Decompress(p.Value.Bytes))!).Select(r => r.GetRawText())];

    public async ValueTask DisposeAsync()
    {
        _client?.Abort("test");
        Http.Dispose();
        await _app.DisposeAsync();
    }

    static ValueTask Dispatch(AsyncQueries queries, Frame frame)
    {
        switch (frame.Kind)
        {
            case FrameKind.WorkAvailable:
                queries.OnWorkAvailable();
                break;
            case FrameKind.Claims:
                queries.OnClaims(ArrivedClaim.ReadAll(frame.Payload));
                break;
            case FrameKind.ReportAck:
                queries.OnReportAck(frame.QueryId, JsonSerializer.Deserialize(frame.Payload.Span, ProtocolJson.Default.ReportAck)!);
                break;
        }
        return ValueTask.CompletedTask;
    }

    async Task AcceptAsync(HttpContext http)
    {
        using var socket = await http.WebSockets.AcceptWebSocketAsync(ProtocolLimits.Subprotocol);
        await using var line = new LineConnection(socket, CoalescingUpgrade.OutputOf(http), TimeProvider.System);
        _accepted.SetResult(line);
        await line.ReceiveAsync(frame => AnswerAsync(line, frame));
    }

    async ValueTask AnswerAsync(LineConnection line, Frame frame)
    {
        if (frame.Kind == FrameKind.ClaimRequest)
        {
            var request = JsonSerializer.Deserialize(frame.Payload.Span, ProtocolJson.Default.ClaimRequest)!;
            var slots = request.Slots;
            Asked.Enqueue(slots);
            var claims = new List<Claim>();
            for (var left = Waiting.Count; left > 0 && claims.Count < slots && Waiting.TryDequeue(out var claim); left--)
            {
                if (HeedsExceptSites && request.ExceptSites?.Contains(claim.SiteId) == true)
                    Waiting.Enqueue(claim);
                else
                    claims.Add(claim);
            }
            await line.SendAsync(FrameKind.Claims, Guid.Empty, new Claims(claims), ProtocolJson.Default.Claims);
        }
        else if (frame.Kind == FrameKind.Report)
        {
            var report = JsonSerializer.Deserialize(frame.Payload.Span, ProtocolJson.Default.Report)!;
            _reports.Writer.TryWrite((frame.QueryId, report));
            if ((OnReport is null ? Accept(frame.QueryId, report) : OnReport(frame.QueryId, report)) is { } ack)
                await line.SendAsync(FrameKind.ReportAck, frame.QueryId, ack, ProtocolJson.Default.ReportAck);
        }
    }

    /// <summary>What the ledger would say when nothing is wrong.</summary>
    public ReportAck Accept(Guid queryId, Report report)
    {
        int[] missing = report.Kind == ReportKind.Complete
            ? [.. Enumerable.Range(1, report.PageCount).Where(p => !Pages.ContainsKey((queryId, p)))]
            : [];
        return new(report.ClaimId, report.Kind, missing.Length == 0, QueryStatus.Executing) { MissingPages = missing.Length == 0 ? null : missing };
    }

    async Task<IResult> TakePageAsync(HttpContext http, Guid queryId, int page)
    {
        var before = Puts.Count(p => p.Page == page);
        var headers = http.Request.Headers;
        var claimId = Guid.Parse(headers[LinkHttp.ClaimHeader].ToString());
        Puts.Enqueue((page, headers.Authorization.ToString(), claimId));
        if (OnPage is { } decide && await decide(http, page, before) is { } status)
        {
            return status == Settled
                ? Microsoft.AspNetCore.Http.Results.Json(new ErrorResponse(new(409, "Conflict", "Drop it.") { Code = ErrorCodes.Gone }), HaloJson.Default.ErrorResponse, statusCode: 409)
                : Microsoft.AspNetCore.Http.Results.StatusCode(status);
        }
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, http.RequestAborted);
        var bytes = body.ToArray();
        if (headers["Content-Digest"] != $"sha-256=:{Convert.ToBase64String(SHA256.HashData(bytes))}:" || headers.ContentEncoding != "br")
            return Microsoft.AspNetCore.Http.Results.StatusCode(400);
        Pages[(queryId, page)] = new StoredPage(bytes, claimId, long.Parse(headers[LinkHttp.RowsStartHeader]!),
            long.Parse(headers[LinkHttp.RowsCountHeader]!), long.Parse(headers[LinkHttp.SizeHeader]!));
        return Microsoft.AspNetCore.Http.Results.Ok();
    }
}

sealed record StoredPage(byte[] Bytes, Guid ClaimId, long RowStart, long RowCount, long Size);

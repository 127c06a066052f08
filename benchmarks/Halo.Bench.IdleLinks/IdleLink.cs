using System.Diagnostics;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text.Json;
using Halo.Contracts.Admin;
using Halo.Contracts.Sites;
using Halo.Line;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Enrolment;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;

namespace Halo.Bench.IdleLinks;

/// <summary>
/// A Link with nothing to do: it holds its session open, reports, renews its access, and comes back as Halo Link does, with
/// its valid token, at random within 2 s after an orderly end and with full jitter from 1 s to 60 s after any other.
/// </summary>
sealed class IdleLink(int number, Door door, FleetCounts counts)
{
    static readonly TimeSpan GoodSession = TimeSpan.FromSeconds(10);
    static readonly TimeSpan TokenSpare = TimeSpan.FromSeconds(60);
    readonly Guid _id = Guid.NewGuid();
    readonly Guid _run = Guid.NewGuid();
    readonly Guid _site = Guid.NewGuid();
    readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    TokenResponse? _token;
    long _tokenSince;
    int _failures;

    SiteDescription Site => new(_site, "postgres", "Bench", $"idle-{number}", [new SiteCatalogue("Patients", true)])
    {
        PracticeName = $"Practice {number}",
        PracticeManagementVersion = "1.0",
        DatabaseIdentity = _site.ToString(),
        Database = new DatabaseHealth(DatabaseStatus.Healthy),
    };

    public Task EnrolAsync() => door.EnrolAsync(_id, _key, Site);

    /// <summary>Until the program ends.</summary>
    public async Task RunAsync()
    {
        while (true)
            await Task.Delay(await TryOnceAsync());
    }

    async Task<TimeSpan> TryOnceAsync()
    {
        try
        {
            var (socket, output) = await door.OpenAsync(await TokenAsync(fresh: false));
            await using var line = new LineConnection(socket, output, TimeProvider.System);
            var welcomed = await CarryAsync(line);
            if (welcomed is { } since && Stopwatch.GetElapsedTime(since) >= GoodSession)
                _failures = 0;
            return line.CloseReason == LineCloseReason.ApiStopping ? TimeSpan.FromSeconds(2 * Random.Shared.NextDouble()) : Backoff();
        }
        catch (Exception e) when (e is HttpRequestException or WebSocketException or IOException or OperationCanceledException)
        {
            counts.Failed(e.GetBaseException().Message);
            return Backoff();
        }
    }

    /// <returns>When it was welcomed.</returns>
    async Task<long?> CarryAsync(LineConnection line)
    {
        long? welcomed = null;
        var reporting = Task.CompletedTask;
        var receiving = line.ReceiveAsync(frame =>
        {
            if (frame.Kind == FrameKind.Welcome)
            {
                welcomed = Stopwatch.GetTimestamp();
                counts.Connected();
                var welcome = JsonSerializer.Deserialize(frame.Payload.Span, ProtocolJson.Default.Welcome)!;
                reporting = Task.WhenAll(ReportAsync(line, welcome.HeartbeatSeconds), RenewAsync(line));
            }
            return ValueTask.CompletedTask;
        });
        await line.SendAsync(FrameKind.Hello, Guid.Empty,
            new Hello(_run, "26.1122.1", DateTimeOffset.UtcNow, [Site]) { MachineId = _id.ToString() }, ProtocolJson.Default.Hello);
        await receiving;
        if (welcomed is { } since)
            counts.Disconnected(since);
        await reporting;
        return welcomed;
    }

    async Task ReportAsync(LineConnection line, int seconds)
    {
        await line.SendAsync(FrameKind.ClaimRequest, Guid.Empty, new ClaimRequest(2), ProtocolJson.Default.ClaimRequest);
        do
        {
            counts.Heartbeat();
            await line.SendAsync(FrameKind.Heartbeat, Guid.Empty, new Heartbeat(DateTimeOffset.UtcNow, "26.1122.1", 60, new QueueLengths(0, 0, 0, 0),
                [new SiteDatabase(_site, new DatabaseHealth(DatabaseStatus.Healthy))], 1_000_000_000, 0), ProtocolJson.Default.Heartbeat);
        }
        while (await WaitAsync(TimeSpan.FromSeconds(seconds), line));
    }

    async Task RenewAsync(LineConnection line)
    {
        while (await WaitAsync(TimeSpan.FromSeconds(_token!.ExpiresIn) * 2 / 3 - Stopwatch.GetElapsedTime(_tokenSince), line))
        {
            try
            {
                await line.SendAsync(FrameKind.Renew, Guid.Empty, new Renew(await TokenAsync(fresh: true)), ProtocolJson.Default.Renew);
            }
            catch (HttpRequestException e)
            {
                counts.Failed(e.Message);
                await WaitAsync(TimeSpan.FromSeconds(10), line);
            }
        }
    }

    /// <returns>False: the line is gone.</returns>
    static async Task<bool> WaitAsync(TimeSpan time, LineConnection line)
    {
        await Task.Delay(time > TimeSpan.Zero ? time : TimeSpan.Zero, line.Dead).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return !line.Dead.IsCancellationRequested;
    }

    async Task<string> TokenAsync(bool fresh)
    {
        if (!fresh && _token is { } token && Stopwatch.GetElapsedTime(_tokenSince) < TimeSpan.FromSeconds(token.ExpiresIn) - TokenSpare)
            return token.AccessToken;
        counts.TokenAsked();
        var since = Stopwatch.GetTimestamp();
        _token = await door.TokenAsync(_id, _key);
        _tokenSince = since;
        return _token.AccessToken;
    }

    TimeSpan Backoff() => TimeSpan.FromSeconds(Math.Min(60, Math.Pow(2, Math.Min(_failures++, 30))) * Random.Shared.NextDouble());
}

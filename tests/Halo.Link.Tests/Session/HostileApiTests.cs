using System.Globalization;
using System.Text;
using Halo.Contracts.Queries;
using Halo.Line;
using Halo.Link.Settings;
using Halo.Link.Tests.Work;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Bounds;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Halo.Testing;

namespace Halo.Link.Tests.Session;

/// <summary>
/// An API, taken over, that sends every message at the wrong time, about the wrong query, at its largest, malformed and in floods. The Link runs nothing that
/// its practice does not allow, its memory and log stay bounded, and once the API is in order again it serves as before. HALO_HOSTILE_SECONDS (default 4) is how long.
/// </summary>
[Collection(nameof(Alone))]
public sealed class HostileApiTests
{
    static readonly TimeSpan Long = TimeSpan.FromSeconds(
        double.TryParse(Environment.GetEnvironmentVariable("HALO_HOSTILE_SECONDS"), CultureInfo.InvariantCulture, out var seconds) ? seconds : 4);

    static readonly FrameKind[] Kinds = [.. Enum.GetValues<FrameKind>().Except([FrameKind.None]), (FrameKind)0x7E, (FrameKind)0xFE];

    /// <summary>Pooled buffers of the largest messages at both ends are in it: the hostile API runs in this process too.</summary>
    const long MostGrowth = 600L * 1024 * 1024;
    const int MostLog = 2 * 1024 * 1024;

    [Fact]
    public async Task A_hostile_API_fills_neither_log_nor_memory_and_runs_nothing_that_the_practice_does_not_allow()
    {
        await using var world = await World.StartAsync(ReadsOnly);
        var random = new Random(4711);
        var before = CommittedMemory.Measure();
        using var over = new CancellationTokenSource(Long);
        var session = world.Session;
        long sent = 0, sessions = 1;
        while (!over.IsCancellationRequested)
        {
            sent++;
            if (await session.Line.SendFrameAsync(Frame(random, world.Hello.Sites[0].Id)))
                continue;
            (session, sessions) = (await world.Api.NextSessionAsync(), sessions + 1);
            // Now and then work comes before the Welcome.
            if (random.Next(4) != 0)
                await session.WelcomeAsync();
        }
        // In order again: a session of its own, in which what is asked is answered.
        session.Line.Abort("");
        session = await NextSilentlyAsync(world.Api, session);
        var answer = await world.With(session).AskAsync("SELECT name FROM patient ORDER BY id");
        Assert.Equal((Ending.Successful, """[{"name":"Ann"},{"name":"Zoë"}]"""), (answer.Outcome.Ending, Encoding.UTF8.GetString(answer.Rows)));
        var growth = CommittedMemory.Measure() - before;
        TestContext.Current.SendDiagnosticMessage(
            $"{sent} messages, {sessions} sessions, {world.Link.Log.All.Length} characters of log, {growth / 1024 / 1024} MiB more");
        Assert.InRange(growth, long.MinValue, MostGrowth);
        Assert.InRange(world.Link.Log.All.Length, 0, MostLog * Math.Max(1, Long.TotalMinutes));
        Assert.True(sent > 100);
    }

    /// <summary>All that a Link holds stands in its next Hello, which has a bound: beyond it no session could be opened any more.</summary>
    [Fact]
    public async Task Outcomes_that_are_never_acknowledged_do_not_keep_the_Link_from_its_next_session()
    {
        await using var world = await World.StartAsync();
        // At a site that it does not have each ends at once.
        var stray = world.At(new("SELECT 1")) with { SiteId = Guid.NewGuid() };
        var outcomes = 0;
        for (var i = 0; i < ProtocolLimits.MaxHeld + 50; i++)
        {
            await world.Session.SendAsync(FrameKind.Execute, Guid.NewGuid(), stray, ProtocolJson.Default.Execute);
            for (; i % 500 == 499 && outcomes <= i; outcomes++)
                await world.Session.NextAsync(FrameKind.Outcome);
        }
        var last = Guid.NewGuid();
        await world.SendAsync(last, "SELECT 1");
        var refused = await world.Session.ResultAsync(last);
        Assert.Equal((Ending.Failed, Executed.No, 503), (refused.Outcome.Ending, refused.Outcome.Executed, refused.Outcome.Error!.ErrorCode));
        world.Session.Line.Abort("");
        var session = await world.Api.NextSessionAsync();
        var hello = await session.WelcomeAsync();
        Assert.Equal(ProtocolLimits.MaxHeld, hello.Immediates.Count);
        foreach (var held in hello.Immediates)
            Assert.True(await session.Line.SendAsync(FrameKind.OutcomeAck, held));
        Assert.Equal(Ending.Successful, (await world.With(session).AskAsync("SELECT 1")).Outcome.Ending);
    }

    [Fact]
    public async Task Commands_that_wait_in_a_lane_take_a_bounded_part_of_the_memory()
    {
        await using var world = await World.StartAsync(s => s with { Lanes = s.Lanes with { Immediate = 1 } });
        var busy = Guid.NewGuid();
        await world.SendAsync(busy, "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT count(*) FROM r");
        var large = world.At(new("SELECT 1 --" + new string('x', 30_000_000)));
        Outcome? refused = null;
        for (var i = 0; i < 20 && refused is null; i++)
        {
            var id = Guid.NewGuid();
            await world.Session.SendAsync(FrameKind.Execute, id, large, ProtocolJson.Default.Execute);
            if (i >= 8)
                refused = TestSession.Read(await world.Session.NextAsync(FrameKind.Outcome), ProtocolJson.Default.Outcome);
        }
        Assert.Equal((Ending.Failed, Executed.No, 503), (refused!.Ending, refused.Executed, refused.Error!.ErrorCode));
        Assert.True(await world.Session.Line.SendAsync(FrameKind.Cancel, busy));
        Assert.Equal(Ending.Cancelled, (await world.Session.ResultAsync(busy)).Outcome.Ending);
    }

    /// <summary>What is asked and not fetched waits at the Link: its line is dropped before that is much.</summary>
    [Fact]
    public async Task An_API_that_asks_and_never_reads_loses_its_session_before_the_answers_fill_the_memory()
    {
        await using var world = await World.StartAsync();
        var before = CommittedMemory.Measure();
        var id = Guid.NewGuid();
        await world.SendAsync(id, "SELECT json_extract('{}', '$' || hex(zeroblob(10000)))");
        var known = await world.Session.ResultAsync(id, acknowledge: false);
        Assert.InRange(known.Outcome.Error!.ErrorMessage.Length, 8000, 8192);
        world.Session.StopReading();
        // Each time that it comes again its outcome is told again.
        var again = world.At(new("SELECT 1"));
        var asked = 0;
        while (asked < 4 * LineConnection.MostWaiting && await world.Session.Line.SendAsync(FrameKind.Execute, id, again, ProtocolJson.Default.Execute))
            asked++;
        world.Session.ReadOn();
        var session = await world.Api.NextSessionAsync();
        await session.WelcomeAsync();
        Assert.InRange(CommittedMemory.Measure() - before, long.MinValue, MostGrowth);
        Assert.Equal(Ending.Successful, (await world.With(session).AskAsync("SELECT 1")).Outcome.Ending);
    }

    [Fact]
    public async Task Claims_that_nobody_asked_for_end_the_session_before_they_fill_memory_and_journal()
    {
        await using var world = await World.StartAsync();
        var number = 0L;
        var session = world.Session;
        // Out of range: each ends at once, and is kept until its report is acknowledged.
        while (!session.Line.Dead.IsCancellationRequested && number < 2 * ProtocolLimits.MaxHeld)
        {
            var claims = new Claims([.. Enumerable.Range(0, ProtocolLimits.MaxClaims).Select(_ =>
                new Claim(Guid.NewGuid(), Guid.NewGuid(), ++number, world.Hello.Sites[0].Id, Guid.Empty, new("SELECT 1"), -1, 0, 1024))]);
            await session.Line.SendAsync(FrameKind.Claims, Guid.Empty, claims, ProtocolJson.Default.Claims);
        }
        session = await world.Api.NextSessionAsync();
        var hello = await session.WelcomeAsync();
        Assert.InRange(hello.Claims.Count, 500, 1000 + ProtocolLimits.MaxClaims);
        Assert.Equal(Ending.Successful, (await world.With(session).AskAsync("SELECT 1")).Outcome.Ending);
        Assert.Single(world.Link.Log.Of(2014));
    }

    /// <summary>Claims that cannot be read say nothing of what the Link had told: an API that did not acknowledge it yet gets it whole.</summary>
    [Fact]
    public async Task A_session_that_the_Link_ends_takes_nothing_from_an_outcome_that_was_not_acknowledged()
    {
        await using var world = await World.StartAsync();
        var id = Guid.NewGuid();
        await world.SendAsync(id, "SELEC");
        var told = (await world.Session.ResultAsync(id, acknowledge: false)).Outcome;
        await world.Session.Line.SendAsync(FrameKind.Claims, Guid.Empty, "{"u8.ToArray());
        var session = await world.Api.NextSessionAsync();
        await session.WelcomeAsync();
        var again = (await session.ResultAsync(id)).Outcome;
        Assert.Equal((told.Error!.ErrorMessage, told.Error.ErrorCode), (again.Error!.ErrorMessage, again.Error.ErrorCode));
    }

    /// <summary>Back soon each time, so that there is more to attack.</summary>
    static LinkSettings ReadsOnly(LinkSettings settings) => settings with
    {
        Connection = settings.Connection with { FirstWait = TimeSpan.FromMilliseconds(20), LongestWait = TimeSpan.FromMilliseconds(100) },
        Sites = [.. settings.Sites.Select(s => s with { Policy = new(new PolicyRules { ReadOnly = true }, new Dictionary<Guid, PolicyRules>()) })],
    };

    /// <summary>The session that the Link opens after this one's end; what opened meanwhile is passed over.</summary>
    static async Task<TestSession> NextSilentlyAsync(TestApi api, TestSession old)
    {
        await old.Ended;
        while (true)
        {
            var session = await api.NextSessionAsync();
            if (session.Line.Dead.IsCancellationRequested)
                continue;
            await session.WelcomeAsync();
            return session;
        }
    }

    static byte[] Frame(Random random, Guid site)
    {
        var kind = Kinds[random.Next(Kinds.Length)];
        byte[] payload = random.Next(8) switch
        {
            0 => [],
            1 => Noise(random, random.Next(100) == 0 ? FrameBounds.FromApi(kind) + random.Next(2) : 5000),
            2 => Encoding.UTF8.GetBytes(Read(random, kind, site))[..^1],
            _ => Encoding.UTF8.GetBytes(Read(random, kind, site)),
        };
        var frame = new byte[FrameCodec.HeaderBytes(kind) + payload.Length];
        FrameCodec.WriteHeader(frame, kind, random.Next(3) == 0 ? Known[random.Next(Known.Length)] : Guid.NewGuid());
        payload.CopyTo(frame.AsSpan(FrameCodec.HeaderBytes(kind)));
        return frame;
    }

    static readonly Guid[] Known = [.. Enumerable.Range(0, 20).Select(_ => Guid.NewGuid())];

    static byte[] Noise(Random random, int length)
    {
        var noise = new byte[length];
        if (random.Next(2) == 0)
            random.NextBytes(noise);
        else
            noise.AsSpan().Fill((byte)'[');
        return noise;
    }

    static string Read(Random random, FrameKind kind, Guid site)
    {
        var text = new string('x', random.Next(50) == 0 ? 1_000_000 : 10);
        var where = random.Next(4) == 0 ? Guid.NewGuid() : site;
        var id = Known[random.Next(Known.Length)];
        var sql = Commands[random.Next(Commands.Length)];
        var number = random.Next(5) switch { 0 => "-1", 1 => "9223372036854775807", 2 => "null", _ => "1000" };
        return kind switch
        {
            FrameKind.Execute => $$$"""{"siteId":"{{{where}}}","integratorId":"{{{id}}}","command":{"text":"{{{sql}}}","executionMode":"{{{(random.Next(2) == 0 ? "reader" : "nonQuery")}}}"},"waitMs":{{{number}}},"limitMs":{{{(random.Next(3) == 0 ? number : "500")}}},"maxResultBytes":{{{number}}},"credit":{{{random.Next(-1, 100000)}}}}""",
            FrameKind.Claims => $$$"""{"items":[{"queryId":"{{{Guid.NewGuid()}}}","claimId":"{{{id}}}","number":{{{random.Next(1, 1000)}}},"siteId":"{{{where}}}","integratorId":"{{{id}}}","command":{"text":"{{{sql}}}"},"limitMs":{{{(random.Next(3) == 0 ? number : "500")}}},"uploadLimitMs":1000,"pageBytes":{{{(random.Next(3) == 0 ? number : "10000")}}}}]}""",
            FrameKind.SiteNotices => $$$"""{"sites":[{"siteId":"{{{where}}}","authoritative":true,"confirmed":true,"message":"{{{random.Next()}}}\u001b{{{text}}}"}]}""",
            FrameKind.Configuration => $$$"""{"version":{{{random.Next()}}},"settings":{"s{{{random.Next()}}}":1,"heartbeatSeconds":{{{number}}}},"sites":[{"siteId":"{{{where}}}","settings":{"immediateLanes":{{{number}}},"{{{text}}}":2}}]}""",
            FrameKind.PairingCodeAck => $$"""{"requestId":"{{site}}","accepted":true,"message":"{{text}}"}""",
            FrameKind.ReportAck => $$"""{"claimId":"{{id}}","kind":"complete","accepted":false,"missingPages":[{{random.Next(-1, 5)}}]}""",
            FrameKind.Credit => "xxxx",
            FrameKind.Welcome => $$"""{"sessionId":"{{site}}","apiVersion":"{{text}}","heartbeatSeconds":{{random.Next(-5, 5)}},"claims":[],"sites":[]}""",
            _ => text,
        };
    }

    /// <summary>What may only read and what may not; what runs away.</summary>
    static readonly string[] Commands =
    [
        "SELECT name FROM patient", "DELETE FROM patient", "UPDATE patient SET name = 'x'", "DROP TABLE patient", "ATTACH '/tmp/x' AS x", "SELEC", "PRAGMA user_version = 5",
        "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT x FROM r",
    ];
}

using System.Collections.Concurrent;
using Halo.Api.Tests.Hosting;
using Halo.LinkProtocol.Enrolment;
using Halo.LinkProtocol.Messages;
using Halo.Testing;

namespace Halo.Api.Tests.Links.Updating;

/// <summary>Many Links, each with a session of its own, that install what they are offered in a moment once it is their turn; from one version they go back.</summary>
sealed class Fleet(ApiHost host) : IAsyncDisposable
{
    readonly CancellationTokenSource _end = new();
    readonly List<Task> _lives = [];

    public List<Member> Links { get; } = [];

    /// <summary>The version that is no good.</summary>
    public string? Bad { get; set; }

    public static async Task<Fleet> StartAsync(ApiHost host, int count)
    {
        var fleet = new Fleet(host);
        var links = new ConcurrentBag<SimulatedLink>();
        await Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, _) =>
        {
            var link = new SimulatedLink(host) { PmsId = $"practice {i}", Platform = new("linux", "x64") };
            await link.StartAsync();
            links.Add(link);
        });
        foreach (var link in links)
        {
            var member = new Member(link);
            fleet.Links.Add(member);
            fleet._lives.Add(fleet.LiveAsync(member));
        }
        return fleet;
    }

    /// <summary>Waits until so many run a version, and no others.</summary>
    public async Task BecomesAsync(string version, int count)
    {
        await Eventually.BecomesAsync(() => Task.FromResult(Links.Count(l => l.Link.Version == version)), running => running == count);
        await Until.TrueAsync(async () => (await host.AdminAsync(HttpMethod.Get, "/admin/v1/links?update=pending")).GetProperty("links").GetArrayLength() == 0);
        await Task.WhenAll(Links.Select(l => l.Idle()));
        Assert.Equal(count, Links.Count(l => l.Link.Version == version));
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        foreach (var member in Links)
            await member.Link.DisposeAsync();
        await Task.WhenAll(_lives).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _end.Dispose();
    }

    async Task LiveAsync(Member member)
    {
        var link = member.Link;
        while (!_end.IsCancellationRequested)
        {
            if (await link.NextTargetAsync(_end.Token) is not { Version: { } version } || member.Tried.Contains(version))
                continue;
            if (!await TurnAsync(link, version))
                continue;
            member.Begin(version);
            var before = link.Version;
            await link.BeatAsync(new(UpdateStage.Installing) { Version = version });
            var good = version != Bad;
            link.Version = good ? version : before;
            var last = new UpdateEnd(good ? UpdateOutcome.Installed : UpdateOutcome.RolledBack, good ? "It runs." : "It was no good.", DateTimeOffset.UtcNow) { From = before, To = version };
            // In the same session: the test is about releases and not about sessions.
            await link.BeatAsync(new(good ? UpdateStage.Current : UpdateStage.Failed) { Version = good ? null : version, Last = last });
            member.End();
        }
    }

    /// <returns>False: it is offered something else by now, or nothing.</returns>
    async Task<bool> TurnAsync(SimulatedLink link, string version)
    {
        while (true)
        {
            // Asked for in two steps, as by a Link that waits for its work to end in between.
            var target = await link.AskUpdateAsync(LinkHttp.KeepTurn, version);
            if (target is { NotYet: false } && target.Version == version)
                target = await link.AskUpdateAsync(LinkHttp.BeginTurn, version);
            if (target.Version != version)
                return false;
            if (!target.NotYet)
                return true;
            await Task.Delay(Random.Shared.Next(100, 400), _end.Token);
        }
    }

    internal sealed class Member(SimulatedLink link)
    {
        volatile TaskCompletionSource? _busy;

        public SimulatedLink Link => link;

        public Guid Id => link.LinkId;

        public ConcurrentBag<string> Tried { get; } = [];

        public Task Idle() => _busy?.Task ?? Task.CompletedTask;

        public void Begin(string version)
        {
            _busy = new(TaskCreationOptions.RunContinuationsAsynchronously);
            Tried.Add(version);
        }

        public void End() => _busy?.TrySetResult();
    }
}

using System.Threading.Channels;
using Halo.Line;
using Halo.Link.Observability;
using Halo.Link.Sites;
using Halo.Link.Transport;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Work.Registered;

/// <summary>
/// The registered queries of this Link's sites: each is run at once, then every so often until its time is over, never two at once of one. One loop owns
/// them all; what others say only wakes it.
/// </summary>
/// <remarks>
/// Nothing of them is kept on the disk: the API has definitions, counts and the newest hash, and each session begins by asking for the list. While there is
/// no session nothing runs, since nobody could be told; runs that were missed are not made up for.
/// </remarks>
sealed partial class RegisteredQueries(
    RegisteredRuns runs, ApiTransport api, CurrentSession session, LocalSites sites, TimeProvider time, Random random, ILogger<RegisteredQueries> log)
{
    /// <summary>Runs at once, over all sites: each holds its result whole.</summary>
    const int AtOnce = 2;

    static readonly TimeSpan ShortestFrequency = TimeSpan.FromSeconds(1), LongestFrequency = TimeSpan.FromDays(1), FirstWayGiven = TimeSpan.FromSeconds(2);

    /// <summary>Part of its frequency by which a run may come sooner, so that what was registered together does not run together for ever.</summary>
    const double Jitter = 0.05;

    const int Nothing = 0, Changed = 1, HasNone = 2;

    readonly Dictionary<Guid, Standing> _known = [];

    /// <summary>Runs of those that are forgotten, until they have ended.</summary>
    readonly List<Task> _leaving = [];

    readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    int _told;

    /// <summary>A session has begun.</summary>
    /// <param name="hasList">Whether the API has registered queries; an older one has none, and would take no report.</param>
    public void OnWelcome(bool hasList) => Tell(hasList ? Changed : HasNone);

    /// <summary>The API has a list that is to be asked for.</summary>
    public void OnChanged() => Tell(Changed);

    /// <summary>Runs until it is stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        sites.Places.Freed += _ => Wake();
        var backoff = new Backoff(random, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60));
        Task<Asked>? asking = null;
        long? again = null;
        try
        {
            while (true)
            {
                if (asking is { IsCompleted: true })
                {
                    again = TakeIn(await asking, backoff);
                    asking = null;
                }
                // Whatever else wakes it in between, the API is not asked again sooner; what is told meanwhile waits for the answer.
                if (asking is null && session.Line is not null)
                {
                    var told = Interlocked.Exchange(ref _told, Nothing);
                    if (told == HasNone)
                    {
                        ForgetAll();
                        again = null;
                    }
                    else if (told == Changed || again <= time.GetTimestamp())
                        asking = Awaking(AskAsync([.. _known.Keys], stop));
                }
                Settle();
                var next = Begin(stop);
                await SleepAsync(Shorter(next, again is null || asking is not null || session.Line is null ? null : Until(again.Value)), stop);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            await Task.WhenAll([.. _known.Values.Select(s => s.Run).OfType<Task>(), .. _leaving, asking ?? Task.CompletedTask]).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Asks for the list, and for each query in it that is not known. One that cannot be had keeps no other away.</summary>
    async Task<Asked> AskAsync(HashSet<Guid> known, CancellationToken stop)
    {
        var asked = new Asked(null, [], null);
        try
        {
            var list = await api.Client.RegisteredAsync(api.Tokens.GetAsync, stop);
            // Something on the way may answer for the API: what has no list says nothing of those that are known.
            asked = asked with { Items = [.. (list.Items ?? throw new InvalidDataException()).Take(RegisteredList.Most).DistinctBy(i => i.Id)] };
        }
        catch (Exception e) when (e is not OperationCanceledException || !stop.IsCancellationRequested)
        {
            return asked with { Fault = e };
        }
        foreach (var head in asked.Items.Where(i => !known.Contains(i.Id)))
        {
            try
            {
                if (await api.Client.RegisteredAsync(head.Id, api.Tokens.GetAsync, stop) is { } query)
                    asked.New.Add(query);
            }
            catch (Exception e) when (e is not OperationCanceledException || !stop.IsCancellationRequested)
            {
                asked = asked with { Fault = e };
            }
        }
        return asked;
    }

    /// <returns>When to ask again; null: all of it is known.</returns>
    long? TakeIn(Asked asked, Backoff backoff)
    {
        if (asked.Items is { } items)
        {
            var ends = items.ToDictionary(i => i.Id, i => i.RemainingMs);
            foreach (var gone in _known.Keys.Where(id => !ends.ContainsKey(id)).ToList())
                Forget(gone);
            foreach (var (id, known) in _known)
                known.EndsAt = EndOf(ends[id]);
            foreach (var query in asked.New)
                Add(query);
        }
        if (asked.Fault is not { } fault)
        {
            backoff.Reset();
            return null;
        }
        // Whatever it is: immediate and async queries go on without this loop, and this one with the next answer.
        if (_failing.Lets(out _))
            LogNotAsked(fault is ApiRefusedException refused ? refused.Message : FaultText.Of(fault));
        return After(backoff.Next());
    }

    void Add(RegisteredDefinition query)
    {
        var frequency = TimeSpan.FromMilliseconds(query.FrequencyMs);
        if (frequency < ShortestFrequency || frequency > LongestFrequency || query.LimitMs is < 1 or > 3_600_000 || query.MaxResultBytes is < 1 or > 8 << 20)
        {
            LogRefused(query.Id);
            return;
        }
        _known[query.Id] = new(query)
        {
            Counts = query.Counts,
            LastHash = query.LastHash,
            EndsAt = EndOf(query.RemainingMs),
            // One that has run goes on at its pace, wherever in it a restart came.
            Due = query.Counts.Runs == 0 ? time.GetTimestamp() : After(frequency * random.NextDouble()),
        };
    }

    /// <summary>Takes in what has ended.</summary>
    void Settle()
    {
        _leaving.RemoveAll(t => t.IsCompleted);
        foreach (var standing in _known.Values.Where(s => s.Run is { IsCompleted: true }).ToList())
        {
            var run = standing.Run!;
            standing.Run = null;
            // Else it was cancelled, or its fault is in the log.
            if (!run.IsCompletedSuccessfully)
                continue;
            var end = run.Result;
            (standing.Counts, standing.LastHash) = (end.Counts, end.LastHash);
            standing.WaysGiven = end.Kind == RegisteredEndKind.GaveWay ? standing.WaysGiven + 1 : 0;
            if (end.Kind == RegisteredEndKind.Gone)
                Forget(standing.Query.Id);
            else if (end.Kind == RegisteredEndKind.GaveWay)
                standing.Due = After(WaitAfter(standing));
        }
    }

    /// <summary>Begins what is due.</summary>
    /// <returns>Until the next is due; null: until something happens.</returns>
    TimeSpan? Begin(CancellationToken stop)
    {
        var now = time.GetTimestamp();
        foreach (var over in _known.Values.Where(s => s.EndsAt <= now).ToList())
            Forget(over.Query.Id);
        TimeSpan? next = null;
        foreach (var standing in _known.Values)
            next = Shorter(next, Until(standing.EndsAt));
        if (session.Line is null)
            return next;
        var running = _known.Values.Count(s => s.Run is not null) + _leaving.Count;
        foreach (var standing in _known.Values.Where(s => s.Run is null).OrderBy(s => s.Due))
        {
            if (standing.Due <= now)
            {
                if (running >= AtOnce)
                    break;
                running++;
                standing.Due = After(FrequencyOf(standing));
                standing.Run = Awaking(RunAsync(standing, stop));
                continue;
            }
            next = Shorter(next, Until(standing.Due));
        }
        return next;
    }

    async Task<RegisteredEnd> RunAsync(Standing standing, CancellationToken stop)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, standing.Cancelled.Token);
        // Not on the loop's own thread: a driver may block.
        return await Task.Run(() => runs.RunAsync(standing.Query, standing.LastHash, standing.Counts, either.Token), either.Token);
    }

    void Forget(Guid id)
    {
        if (!_known.Remove(id, out var standing))
            return;
        _ = standing.Cancelled.CancelAsync();
        if (standing.Run is { } run)
            _leaving.Add(run);
    }

    void ForgetAll()
    {
        foreach (var id in _known.Keys.ToList())
            Forget(id);
    }

    /// <summary>Who is in the way of others again and again comes ever more seldom, and no oftener than its frequency says in the end.</summary>
    static TimeSpan WaitAfter(Standing standing)
    {
        var wait = FirstWayGiven * Math.Pow(2, Math.Min(standing.WaysGiven - 1, 16));
        var frequency = TimeSpan.FromMilliseconds(standing.Query.FrequencyMs);
        return wait < frequency ? wait : frequency;
    }

    TimeSpan FrequencyOf(Standing standing) => TimeSpan.FromMilliseconds(standing.Query.FrequencyMs) * (1 - Jitter * random.NextDouble());

    long EndOf(long remainingMs) => After(TimeSpan.FromMilliseconds(Math.Clamp(remainingMs, 0, 2 * 86_400_000L)));

    long After(TimeSpan wait) => time.GetTimestamp() + (long)(wait.TotalSeconds * time.TimestampFrequency);

    TimeSpan Until(long moment) => time.GetElapsedTime(time.GetTimestamp(), moment);

    void Tell(int what)
    {
        Volatile.Write(ref _told, what);
        Wake();
    }

    void Wake() => _wake.Writer.TryWrite(true);

    /// <summary>Wakes the loop once it is completed, and not in its last step: the loop looks for what is.</summary>
    Task<T> Awaking<T>(Task<T> task)
    {
        _ = task.ContinueWith(_ => Wake(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        return task;
    }

    async Task SleepAsync(TimeSpan longest, CancellationToken stop)
    {
        using var over = new CancellationTokenSource(longest < TimeSpan.Zero && longest != Timeout.InfiniteTimeSpan ? TimeSpan.Zero : longest, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, over.Token);
        try
        {
            await _wake.Reader.ReadAsync(either.Token);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            // Something is due.
        }
    }

    static TimeSpan Shorter(TimeSpan? one, TimeSpan? other) => one is null ? other ?? Timeout.InfiniteTimeSpan : other is null || one < other ? one.Value : other.Value;

    readonly LogThrottle _failing = new(time, perMinute: 1);

    [LoggerMessage(2130, LogLevel.Warning, "Failed to ask the API for registered queries ({Reason}); trying again.")]
    partial void LogNotAsked(string reason);

    [LoggerMessage(2132, LogLevel.Error, "Registered query {Id} is not run: its frequency, limit or size is beyond what Halo Link takes. Tell the operator of the Halo API.")]
    partial void LogRefused(Guid id);

    sealed class Standing(RegisteredDefinition query)
    {
        public RegisteredDefinition Query => query;

        public RegisteredCounts Counts { get; set; } = new(0, 0);

        public string? LastHash { get; set; }

        /// <summary>By the monotonic clock, as the next.</summary>
        public long Due { get; set; }

        public long EndsAt { get; set; }

        public Task<RegisteredEnd>? Run { get; set; }

        /// <summary>How often in a row it gave its place to others.</summary>
        public int WaysGiven { get; set; }

        public CancellationTokenSource Cancelled { get; } = new();
    }

    /// <summary>What the API answered.</summary>
    /// <param name="Items">The list; null: it could not be had.</param>
    /// <param name="New">Those that were not known.</param>
    /// <param name="Fault">Why not all of it could be had; null: it could.</param>
    sealed record Asked(IReadOnlyList<RegisteredHead>? Items, List<RegisteredDefinition> New, Exception? Fault);
}

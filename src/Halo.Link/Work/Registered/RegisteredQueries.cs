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

    static readonly TimeSpan ShortestFrequency = TimeSpan.FromSeconds(1), LongestFrequency = TimeSpan.FromDays(1), GiveWayFor = TimeSpan.FromSeconds(2);

    /// <summary>Part of its frequency by which a run may come sooner, so that what was registered together does not run together for ever.</summary>
    const double Jitter = 0.05;

    readonly Dictionary<Guid, Standing> _known = [];
    readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    int _ask;

    /// <summary>The API has a list that is to be asked for.</summary>
    public void OnChanged()
    {
        Volatile.Write(ref _ask, 1);
        Wake();
    }

    /// <summary>Runs until it is stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        sites.Places.Freed += _ => Wake();
        var backoff = new Backoff(random, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60));
        long? again = null;
        try
        {
            while (true)
            {
                // Whatever else wakes it in between, the API is not asked again sooner.
                if (session.Line is not null && (Interlocked.Exchange(ref _ask, 0) == 1 || again <= time.GetTimestamp()))
                    again = await AskAsync(backoff, stop) is { } wait ? After(wait) : null;
                await SettleAsync();
                var next = Begin(stop);
                await SleepAsync(Shorter(next, again is null || session.Line is null ? null : time.GetElapsedTime(time.GetTimestamp(), again.Value)), stop);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            await Task.WhenAll(_known.Values.Select(s => s.Run).OfType<Task>()).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <returns>When to ask again; null: the list is known.</returns>
    async Task<TimeSpan?> AskAsync(Backoff backoff, CancellationToken stop)
    {
        try
        {
            var list = await api.Client.RegisteredAsync(api.Tokens.GetAsync, stop);
            var items = list.Items.Take(RegisteredList.Most).DistinctBy(i => i.Id).ToDictionary(i => i.Id);
            foreach (var gone in _known.Keys.Except(items.Keys).ToList())
                Forget(gone);
            foreach (var (id, head) in items)
            {
                if (_known.TryGetValue(id, out var known))
                    known.EndsAt = EndOf(head.RemainingMs);
                else if (await api.Client.RegisteredAsync(id, api.Tokens.GetAsync, stop) is { } query)
                    Add(query);
            }
            backoff.Reset();
            return null;
        }
        catch (Exception e) when (e is not OperationCanceledException || !stop.IsCancellationRequested)
        {
            // Whatever it is: immediate and async queries go on without this loop, and this one with the next answer.
            if (_failing.Lets(out _))
                LogNotAsked(e is ApiRefusedException refused ? refused.Message : FaultText.Of(e));
            return backoff.Next();
        }
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
    async Task SettleAsync()
    {
        foreach (var standing in _known.Values.Where(s => s.Run is { IsCompleted: true }).ToList())
        {
            var run = standing.Run!;
            standing.Run = null;
            RegisteredEnd end;
            try
            {
                end = await run;
            }
            catch (OperationCanceledException)
            {
                continue;
            }
            catch (Exception e)
            {
                LogFault(standing.Query.Id, FaultText.Of(e));
                continue;
            }
            (standing.Counts, standing.LastHash) = (end.Counts, end.LastHash);
            if (end.Kind == RegisteredEndKind.Gone)
                Forget(standing.Query.Id);
            else if (end.Kind == RegisteredEndKind.GaveWay)
                standing.Due = After(GiveWayFor);
        }
    }

    /// <summary>Begins what is due.</summary>
    /// <returns>Until the next is due; null: until something happens.</returns>
    TimeSpan? Begin(CancellationToken stop)
    {
        var now = time.GetTimestamp();
        foreach (var over in _known.Values.Where(s => s.EndsAt <= now && s.Run is null).ToList())
            Forget(over.Query.Id);
        if (session.Line is null)
            return null;
        var running = _known.Values.Count(s => s.Run is not null);
        TimeSpan? next = null;
        foreach (var standing in _known.Values.Where(s => s.Run is null).OrderBy(s => s.Due))
        {
            if (standing.Due <= now)
            {
                if (running == AtOnce)
                    continue;
                running++;
                standing.Due = After(FrequencyOf(standing));
                standing.Run = RunAsync(standing, stop);
                // Once it is completed, and not in its last step: the loop looks for those that are.
                _ = standing.Run.ContinueWith(_ => Wake(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            }
            next = Shorter(next, time.GetElapsedTime(now, Math.Min(standing.Due, standing.EndsAt)));
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
        if (_known.Remove(id, out var standing))
            _ = standing.Cancelled.CancelAsync();
    }

    TimeSpan FrequencyOf(Standing standing) => TimeSpan.FromMilliseconds(standing.Query.FrequencyMs) * (1 - Jitter * random.NextDouble());

    long EndOf(long remainingMs) => After(TimeSpan.FromMilliseconds(Math.Clamp(remainingMs, 0, 2 * 86_400_000L)));

    long After(TimeSpan wait) => time.GetTimestamp() + (long)(wait.TotalSeconds * time.TimestampFrequency);

    void Wake() => _wake.Writer.TryWrite(true);

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

    [LoggerMessage(2131, LogLevel.Error, "Registered query {Id} met a fault of the Link's own: {Fault}")]
    partial void LogFault(Guid id, string fault);

    [LoggerMessage(2132, LogLevel.Error, "Registered query {Id} is not run: its frequency, limit or size is beyond what Halo Link takes. Tell the operator of the Halo API.")]
    partial void LogRefused(Guid id);

    sealed class Standing(RegisteredDefinition query)
    {
        public RegisteredDefinition Query => query;

        public RegisteredCounts Counts { get; set; } = new(0, 0, 0);

        public string? LastHash { get; set; }

        /// <summary>By the monotonic clock, as the next.</summary>
        public long Due { get; set; }

        public long EndsAt { get; set; }

        public Task<RegisteredEnd>? Run { get; set; }

        public CancellationTokenSource Cancelled { get; } = new();
    }
}

using System.Collections.Concurrent;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.Link.Files;
using Halo.Link.Settings;
using Halo.Link.Sites;
using Halo.Link.Tests.Engines;
using Halo.Link.Tests.Work.Async;
using Halo.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Halo.Link.Tests.Sites;

/// <summary>When the databases are read again, whatever happens while they are read.</summary>
public sealed class PracticeDirectoryTests : IAsyncDisposable
{
    static readonly TimeSpan Retry = TimeSpan.FromSeconds(5);
    static readonly TimeSpan Day = TimeSpan.FromDays(1);
    readonly TemporaryFolder _folder = new();
    readonly CancellationTokenSource _over = new();
    readonly WatchedTime _time = new();
    readonly DataDirectory _data;

    public PracticeDirectoryTests()
    {
        _data = DataDirectory.Open(_folder.Path);
        File.WriteAllBytes(Database, []);
    }

    string Database => Path.Combine(_folder.Path, "practice.db");

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        _over.Dispose();
        _data.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task To_look_again_is_not_forgotten_where_it_is_asked_while_they_are_read()
    {
        var (opens, read) = (0, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        await using var sites = new LocalSites([Site(Guid.NewGuid(), fails: true, () => Interlocked.Increment(ref opens) == 2 ? read.Task : Task.CompletedTask)]);
        var directory = New(sites);
        await directory.ReadAsync(_ => Task.CompletedTask, _over.Token);
        _ = directory.KeepFreshAsync(_ => Task.CompletedTask, _over.Token);
        await AdvanceUntilAsync(Retry, () => opens == 2);
        directory.LookAgain();
        read.SetResult();
        // By itself it would wait twice as long by now.
        await AdvanceUntilAsync(Retry, () => opens == 3);
    }

    [Fact]
    public async Task What_is_read_under_settings_that_were_replaced_meanwhile_says_nothing_of_the_new_ones()
    {
        var id = Guid.NewGuid();
        var (opens, opensNew, read) = (0, 0, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        await using var old = Site(id, fails: false, () => Interlocked.Increment(ref opens) == 2 ? read.Task : Task.CompletedTask);
        await using var sites = new LocalSites([old]);
        var directory = New(sites);
        await directory.ReadAsync(_ => Task.CompletedTask, _over.Token);
        _ = directory.KeepFreshAsync(_ => Task.CompletedTask, _over.Token);
        await AdvanceUntilAsync(Day, () => opens == 2);
        sites.Announce([Site(id, fails: true, () => Task.FromResult(Interlocked.Increment(ref opensNew)))]);
        await directory.ReadAsync(_ => Task.CompletedTask, _over.Token);
        read.SetResult();
        // They fail: they are not left for a day.
        await AdvanceUntilAsync(Retry, () => opensNew == 2);
        Assert.NotNull(directory.FailureOf(id));
    }

    /// <summary>Lets time pass where that is all that is waited for.</summary>
    Task<bool> AdvanceUntilAsync(TimeSpan wait, Func<bool> reached) => Eventually.BecomesAsync(() =>
    {
        if (!reached() && _time.Waits is [var only] && only == wait)
            _time.Advance(wait);
        return Task.FromResult(reached());
    }, isReached => isReached);

    PracticeDirectory New(LocalSites sites) => new(sites, _data, _time, NullLogger<PracticeDirectory>.Instance);

    LocalSite Site(Guid id, bool fails, Func<Task> opening) => new(id, new()
    {
        Engine = EngineNames.Sqlite,
        ConnectionString = $"Data Source={Database}",
        PracticeManagementName = new("X", null),
        PracticeManagementSiteId = new("1", null),
        PracticeName = fails ? new TextSource(null, "SELECT name FROM nowhere") : null,
        Catalogues = [new("main", null, true)],
    }, (engine, connection) => HeldEngine.Of(DatabaseEngines.Create(engine, connection, TimeProvider.System), held => held.Opening = _ => opening()));

    /// <summary>Tells what is waited for.</summary>
    sealed class WatchedTime : TimeProvider
    {
        readonly ManualTime _time = new();
        readonly ConcurrentDictionary<ITimer, TimeSpan> _waits = new();

        public TimeSpan[] Waits => [.. _waits.Values];

        public void Advance(TimeSpan by) => _time.Advance(by);

        public override long TimestampFrequency => _time.TimestampFrequency;

        public override long GetTimestamp() => _time.GetTimestamp();

        public override DateTimeOffset GetUtcNow() => _time.GetUtcNow();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = new WatchedTimer(_time.CreateTimer(callback, state, dueTime, period), _waits);
            _waits[timer] = dueTime;
            return timer;
        }

        sealed class WatchedTimer(ITimer timer, ConcurrentDictionary<ITimer, TimeSpan> waits) : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => timer.Change(dueTime, period);

            public void Dispose()
            {
                waits.TryRemove(this, out _);
                timer.Dispose();
            }

            public ValueTask DisposeAsync()
            {
                Dispose();
                return ValueTask.CompletedTask;
            }
        }
    }
}

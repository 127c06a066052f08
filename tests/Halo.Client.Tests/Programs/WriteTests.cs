using System.Collections.Concurrent;
using Halo.Contracts.Queries;
using Halo.Testing;
using Halo.Testing.Proxy;

namespace Halo.Client.Tests.Programs;

/// <summary>Whatever dies under a write, it is there once at most, and what its caller is told of it is true.</summary>
public abstract class WriteTests(string engine, SharedPostgres postgres)
{
    [Fact]
    public async Task A_write_whose_connection_is_cut_is_told_to_its_end_and_is_there_once()
    {
        await using var practice = await OpenAsync();
        var writing = practice.Site.ExecuteAsync(practice.SlowWrite(1));
        await practice.WhenBusyAsync();
        Assert.NotEqual(0, practice.Inwards.Cut());
        Assert.Equal(1, await writing);
        Assert.Equal(1, await practice.CountWrittenAsync(1));
    }

    [Fact]
    public async Task A_write_whose_answer_never_comes_is_asked_for_again_and_is_there_once()
    {
        await using var practice = await OpenAsync();
        using var client = practice.MakeClient(o => o.AnswerTimeout = TimeSpan.FromSeconds(5));
        practice.Inwards.Down.Mode = LineMode.HalfOpen;
        var before = practice.Inwards.Accepted;
        var writing = client.Sites.At(practice.Site.Id).ExecuteAsync(practice.SlowWrite(1));
        await Eventually.BecomesAsync(() => Task.FromResult(practice.Inwards.Accepted - before), connections => connections > 1);
        practice.Inwards.Down.Mode = LineMode.Pass;
        Assert.Equal(1, await writing);
        Assert.Equal(1, await practice.CountWrittenAsync(1));
    }

    [Fact]
    public async Task A_write_that_runs_when_the_API_is_killed_is_there_once_at_most_and_what_is_told_of_it_is_true()
    {
        await using var practice = await OpenAsync();
        var writing = TellAsync(practice, 1);
        await practice.WhenBusyAsync();
        await practice.Fixture.Api.Process.KillAsync();
        await practice.Fixture.Api.StartAsync();
        var (executed, failure) = await writing;
        await practice.Link.WhenOnlineAsync();
        await practice.WhenIdleAsync();
        await IsTrueAsync(practice, 1, executed);
        // Whoever asks again with its key hears of the same one.
        if (failure is not null)
        {
            var again = await Assert.ThrowsAsync<HaloException>(() => practice.Site.ExecuteAsync(practice.SlowWrite(1), new() { IdempotencyKey = failure.IdempotencyKey }));
            Assert.Equal(executed, again.Executed);
            await IsTrueAsync(practice, 1, executed);
        }
    }

    [Fact]
    public async Task A_write_that_runs_when_the_Link_is_killed_is_of_unknown_fate_and_never_repeated()
    {
        await using var practice = await OpenAsync();
        var writing = TellAsync(practice, 1, seconds: 30);
        await practice.WhenBusyAsync();
        await practice.Link.Process.KillAsync();
        await practice.Link.StartAsync();
        var (executed, failure) = await writing;
        Assert.Equal(Executed.Unknown, executed);
        Assert.True(failure!.IsTransient);
        Assert.NotNull(failure.QueryId);
        await IsTrueAsync(practice, 1, executed);
        await Assert.ThrowsAsync<HaloException>(() => practice.Site.ExecuteAsync(practice.SlowWrite(1, 30), new() { IdempotencyKey = failure.IdempotencyKey }));
        await practice.WhenIdleAsync();
        await IsTrueAsync(practice, 1, executed);
    }

    [Fact]
    public async Task Nothing_is_written_twice_while_everything_is_cut_and_killed()
    {
        const int Writers = 4, Each = 6;
        await using var practice = await OpenAsync();
        var told = new ConcurrentDictionary<int, Executed>();
        var writing = Task.WhenAll(Enumerable.Range(0, Writers).Select(w => Task.Run(async () =>
        {
            for (var i = 0; i < Each; i++)
            {
                var n = w * Each + i;
                // Some of them by text that gives a row back, and some queued.
                told[n] = (i % 3) switch
                {
                    0 => (await TellAsync(async () => await practice.Site.ExecuteAsync($"INSERT INTO written VALUES ({n})"))).Executed,
                    1 => (await TellAsync(async () => Assert.Equal(n, Assert.Single(await practice.Site.QueryAsync<int>($"INSERT INTO written VALUES ({n}) RETURNING n"))))).Executed,
                    _ => (await TellAsync(async () => await (await practice.Site.QueueAsync(HaloCommand.Sql($"INSERT INTO written VALUES ({n})"), ExecutionMode.NonQuery)).WaitAsync())).Executed,
                };
            }
        })));
        for (var fault = 0; !writing.IsCompleted; fault++)
        {
            var before = told.Count;
            await Eventually.BecomesAsync(() => Task.FromResult(told.Count), done => done > before + 2 || writing.IsCompleted);
            switch (fault % 4)
            {
                case 0:
                    practice.Inwards.Cut();
                    break;
                case 1:
                    practice.Line.Cut();
                    break;
                case 2:
                    await practice.Fixture.Api.Process.KillAsync();
                    await practice.Fixture.Api.StartAsync();
                    break;
                default:
                    await practice.Link.Process.KillAsync();
                    await practice.Link.StartAsync();
                    break;
            }
        }
        await writing;
        await practice.Link.WhenOnlineAsync();
        await practice.WhenIdleAsync();
        Assert.Equal(Writers * Each, told.Count);
        foreach (var (n, executed) in told)
            await IsTrueAsync(practice, n, executed);
        // The faults may not have hit everything.
        Assert.Contains(Executed.Yes, told.Values);
    }

    async Task<Practice> OpenAsync()
    {
        var practice = await Practice.OpenAsync(engine, postgres);
        await practice.CreateWrittenAsync();
        return practice;
    }

    static Task<(Executed Executed, HaloException? Failure)> TellAsync(Practice practice, int n, int seconds = 3) =>
        TellAsync(async () => Assert.Equal(1, await practice.Site.ExecuteAsync(practice.SlowWrite(n, seconds))));

    /// <summary>What its caller is told of a write.</summary>
    static async Task<(Executed Executed, HaloException? Failure)> TellAsync(Func<Task> write)
    {
        try
        {
            await write();
            return (Executed.Yes, null);
        }
        catch (HaloException e)
        {
            return (e.Executed, e);
        }
    }

    static async Task IsTrueAsync(Practice practice, int n, Executed executed)
    {
        // The line may just be coming back.
        var count = await Eventually.BecomesAsync<long?>(async () =>
        {
            try
            {
                return await practice.CountWrittenAsync(n);
            }
            catch (HaloException e) when (e.IsTransient)
            {
                return null;
            }
        }, c => c is not null);
        Assert.True(executed switch
        {
            Executed.Yes => count == 1,
            Executed.No => count == 0,
            _ => count is 0 or 1,
        }, $"{n} was told as executed {executed} and is there {count} times.");
    }
}

public sealed class SqliteWriteTests(SharedPostgres postgres) : WriteTests("sqlite", postgres);

public sealed class PostgresWriteTests(SharedPostgres postgres) : WriteTests("postgres", postgres);

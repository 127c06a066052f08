using System.Collections.Concurrent;
using Dapper;
using Halo.Client.Tests.Programs;
using Halo.Contracts.Queries;
using Halo.Testing;

namespace Halo.Data.Tests.Programs;

/// <summary>Programs are killed and lines cut under the provider: no write is there twice, and no short stream is taken for whole.</summary>
public abstract class FaultTests(string engine, SharedPostgres postgres)
{
    [Fact]
    public async Task Rows_that_break_off_are_an_error_and_never_the_end()
    {
        await using var practice = await Practice.OpenAsync(engine, postgres);
        await using var source = SourceOf(practice);
        // Each waits for the query's limit: so each engine has its share, and the client's own tests have all of them.
        Func<Task>[] faults = engine == "sqlite"
            ? [() => Task.FromResult(practice.Inwards.Cut()), () => RestartLinkAsync(practice)]
            : [() => Task.FromResult(practice.Line.Cut()), () => RestartApiAsync(practice)];
        foreach (var fault in faults)
        {
            await practice.Link.WhenOnlineAsync();
            practice.Inwards.Down.BytesPerSecond = 2_000_000;
            await using var connection = source.CreateConnection();
            await connection.OpenAsync();
            // A query whose line was cut runs on to its limit, and then its caller is told.
            await using var command = new HaloDbCommand(practice.Numbers(2_000_000_000), connection);
            await using var reader = await command.ExecuteReaderAsync();
            var read = 0L;
            var error = await Assert.ThrowsAsync<HaloDbException>(async () =>
            {
                while (await reader.ReadAsync())
                {
                    Assert.Equal(++read, reader.GetInt64(0));
                    if (read == 1000)
                        await fault();
                }
            });
            Assert.InRange(read, 1000, 1_999_999_999);
            Assert.NotNull(error.QueryId);
            // Nor does it seem to have ended when it is asked again.
            await Assert.ThrowsAsync<InvalidOperationException>(() => reader.ReadAsync());
            await Assert.ThrowsAsync<InvalidOperationException>(() => reader.NextResultAsync());
        }
    }

    [Fact]
    public async Task Nothing_is_written_twice_while_everything_is_cut_and_killed()
    {
        const int Writers = 3, Each = 3;
        await using var practice = await Practice.OpenAsync(engine, postgres);
        await practice.CreateWrittenAsync();
        await using var source = SourceOf(practice);
        var told = new ConcurrentDictionary<int, Executed>();
        var writing = Task.WhenAll(Enumerable.Range(0, Writers).Select(w => Task.Run(async () =>
        {
            for (var i = 0; i < Each; i++)
                told[w * Each + i] = await TellAsync(() => WriteAsync(source, w * Each + i));
        })));
        for (var fault = 0; !writing.IsCompleted; fault++)
        {
            var before = told.Count;
            await Eventually.BecomesAsync(() => Task.FromResult(told.Count), done => done > before || writing.IsCompleted);
            switch (fault % 4)
            {
                case 0:
                    practice.Inwards.Cut();
                    break;
                case 1:
                    practice.Line.Cut();
                    break;
                case 2:
                    await RestartApiAsync(practice);
                    break;
                default:
                    await RestartLinkAsync(practice);
                    break;
            }
        }
        await writing;
        await practice.Link.WhenOnlineAsync();
        await practice.WhenIdleAsync();
        Assert.Equal(Writers * Each, told.Count);
        foreach (var (n, executed) in told)
        {
            var count = await practice.CountWrittenAsync(n);
            Assert.True(executed switch
            {
                Executed.Yes => count == 1,
                Executed.No => count == 0,
                _ => count is 0 or 1,
            }, $"{n} was told as executed {executed} and is there {count} times.");
        }
        Assert.Contains(Executed.Yes, told.Values);
    }

    static HaloDbDataSource SourceOf(Practice practice) => new($"Api=http://127.0.0.1:{practice.Inwards.Port};Key={practice.Integrator.Key};Site={practice.Info.Id};Retry Timeout=60;Command Timeout=3");

    /// <summary>By a command, by rows that a write gives back, and in a batch.</summary>
    static async Task WriteAsync(HaloDbDataSource source, int n)
    {
        await using var connection = source.CreateConnection();
        if (n % 3 == 0)
            Assert.Equal(1, await connection.ExecuteAsync("INSERT INTO written VALUES (@n)", new { n }));
        else if (n % 3 == 1)
            Assert.Equal([n], await connection.QueryAsync<int>("INSERT INTO written VALUES (@n) RETURNING n", new { n }));
        else
        {
            await connection.OpenAsync();
            await using var batch = connection.CreateBatch();
            batch.BatchCommands.Add("INSERT INTO written VALUES (@n)").Parameters.AddWithValue("n", n);
            batch.BatchCommands.Add("UPDATE written SET n = n WHERE n = @n").Parameters.AddWithValue("n", n);
            Assert.Equal(2, await batch.ExecuteNonQueryAsync());
        }
    }

    static async Task<Executed> TellAsync(Func<Task> write)
    {
        try
        {
            await write();
            return Executed.Yes;
        }
        catch (HaloDbException e)
        {
            return e.Executed;
        }
    }

    static async Task RestartApiAsync(Practice practice)
    {
        await practice.Fixture.Api.Process.KillAsync();
        await practice.Fixture.Api.StartAsync();
    }

    static async Task RestartLinkAsync(Practice practice)
    {
        await practice.Link.Process.KillAsync();
        await practice.Link.StartAsync();
    }
}

public sealed class SqliteFaultTests(SharedPostgres postgres) : FaultTests("sqlite", postgres);

public sealed class PostgresFaultTests(SharedPostgres postgres) : FaultTests("postgres", postgres);

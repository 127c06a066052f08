using System.Net;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.Connections;
using Halo.Link.Engines.Factory;
using Halo.Link.Engines.Running;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Halo.Testing.Proxy;
using Halo.Testing.Tds;

namespace Halo.Link.Tests.Engines.Connections;

/// <summary>A database that takes connections and says nothing, or whose driver never comes back, is there again as soon as it answers: nobody restarts the Link.</summary>
public sealed class SilentDatabaseTests(SharedPostgres postgres)
{
    [Theory]
    [InlineData(EngineNames.Postgres, "")]
    [InlineData(EngineNames.Postgres, ";Timeout=0")]
    [InlineData(EngineNames.Postgres, ";SSL Mode=Prefer;GSS Encryption Mode=Disable")]
    [InlineData(EngineNames.SqlServer, ";Connect Timeout=2")]
    [InlineData(EngineNames.SqlServer, ";Connect Timeout=2;Encrypt=Mandatory;TrustServerCertificate=true")]
    public async Task A_server_that_took_connections_and_said_nothing_serves_again_once_it_answers(string engine, string options)
    {
        await using var tds = new TdsServer((_, _) => Task.CompletedTask, new() { Tls = options.Contains("Mandatory", StringComparison.Ordinal) });
        var database = engine == EngineNames.Postgres ? await postgres.NewDatabaseAsync() : tds.ConnectionString;
        var port = engine == EngineNames.Postgres ? new Npgsql.NpgsqlConnectionStringBuilder(database).Port : tds.Port;
        await using var proxy = new SocketProxy(new IPEndPoint(IPAddress.Loopback, port));
        proxy.Set(LineMode.HalfOpen);
        var time = new ManualTime();
        var place = engine == EngineNames.Postgres ? $";Port={proxy.Port}" : $";Server=127.0.0.1,{proxy.Port}";
        await using var made = DatabaseEngines.Create(engine, database + place + options, time);
        using var connector = new DatabaseConnector(made, null, time, new(time));
        var waiting = RunAsync(connector);
        await Eventually.BecomesAsync(() => Task.FromResult(proxy.Accepted), accepted => accepted > 0);
        await PassAsync(time, () => waiting.IsCompleted);
        Assert.Equal((Executed.No, FailureCodes.DatabaseUnavailable), ((await waiting).Executed, (await waiting).Error?.Code));
        await PassAsync(time, () => connector.Outage is not null);

        proxy.Set(LineMode.Pass);
        proxy.Cut();
        await PassAsync(time, () => connector.Outage is null);
        Assert.Equal(Ending.Successful, (await RunAsync(connector)).Ending);
    }

    /// <summary>No driver that there is does so at will: this one is held.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_driver_that_never_comes_back_is_tried_again_ever_more_seldom_until_it_does(bool keepsThread)
    {
        var time = new ManualTime();
        using var file = new SqliteFile();
        using var forever = new ManualResetEventSlim();
        var (hangs, opened) = (true, 0);
        await using var engine = HeldEngine.Of(DatabaseEngines.Create(EngineNames.Sqlite, $"Data Source={file.Path}", time), held => held.Opening = _ =>
        {
            Interlocked.Increment(ref opened);
            if (!Volatile.Read(ref hangs))
                return Task.CompletedTask;
            if (keepsThread)
                forever.Wait(CancellationToken.None);
            return keepsThread ? Task.CompletedTask : new TaskCompletionSource().Task;
        });
        using var connector = new DatabaseConnector(engine, null, time, new(time));
        connector.Suspect();
        await Eventually.BecomesAsync(() => Task.FromResult(Volatile.Read(ref opened)), n => n == 1);
        foreach (var (tries, seconds) in ((int, int)[])[(2, 60), (3, 120), (4, 240)])
        {
            var began = time.GetTimestamp();
            await PassAsync(time, () => connector.Outage is not null);
            await PassAsync(time, 3);
            // Nobody waits for it meanwhile.
            Assert.Equal((Executed.No, FailureCodes.DatabaseUnavailable), (await RunAsync(connector)) is var r ? (r.Executed, r.Error?.Code) : default);
            await PassAsync(time, () => Volatile.Read(ref opened) == tries);
            // On a busy machine it was counted some seconds after it had begun.
            Assert.InRange(time.GetElapsedTime(began).TotalSeconds, seconds - 15, double.MaxValue);
        }
        Volatile.Write(ref hangs, false);
        await PassAsync(time, () => connector.Outage is null);
        Assert.Equal(Ending.Successful, (await RunAsync(connector)).Ending);
        forever.Set();
    }

    /// <summary>What a driver says after it was left behind is older than what the next try found.</summary>
    [Fact]
    public async Task A_try_that_comes_back_after_the_next_one_has_succeeded_is_no_new_outage()
    {
        var time = new ManualTime();
        var (opened, late) = (0, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        await using var real = DatabaseEngines.Create(EngineNames.Sqlite, $"Data Source={Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.db")};Mode=Memory", time);
        var engine = HeldEngine.Of(real, held => held.Opening = _ => Interlocked.Increment(ref opened) == 1 ? late.Task : Task.CompletedTask);
        using var connector = new DatabaseConnector(engine, null, time, new(time));
        connector.Suspect();
        await Eventually.BecomesAsync(() => Task.FromResult(Volatile.Read(ref opened)), n => n == 1);
        await PassAsync(time, () => connector.Outage is not null);
        await PassAsync(time, () => connector.Outage is null);
        var outages = 0;
        connector.Changed += _ => Interlocked.Increment(ref outages);
        late.SetException(new IOException("of the first try"));
        await PassAsync(time, 5);
        Assert.Equal((0, null), (Volatile.Read(ref outages), connector.Outage));
    }

    [Fact]
    public async Task A_connection_of_PostgreSQL_that_is_never_made_keeps_the_next_one_away_for_a_minute_and_no_longer()
    {
        var time = new ManualTime();
        var turns = new Halo.Link.Engines.Postgres.Connections.PostgresConnectTurns(time);
        var hanging = await turns.TakeAsync(TestContext.Current.CancellationToken);
        var behind = turns.TakeAsync(TestContext.Current.CancellationToken);
        Assert.False(behind.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(61));
        var next = await turns.TakeAsync(TestContext.Current.CancellationToken);
        Assert.False(behind.IsCompleted);
        // One at a time again.
        var after = turns.TakeAsync(TestContext.Current.CancellationToken);
        Assert.False(after.IsCompleted);
        next.Release();
        (await after).Release();
        // Should it come back after all, it gives its turn to those behind it.
        hanging.Release();
        (await behind).Release();
    }

    /// <summary>Lets time pass second by second, as the timers have it.</summary>
    static async Task PassAsync(ManualTime time, int seconds)
    {
        for (var i = 0; i < seconds; i++)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }
    }

    static Task<bool> PassAsync(ManualTime time, Func<bool> until) => Eventually.BecomesAsync(async () =>
    {
        await PassAsync(time, 1);
        return until();
    }, there => there);

    static Task<ExecutionResult> RunAsync(DatabaseConnector connector) =>
        new CommandRunner(connector.Engine, TimeProvider.System, connector).RunAsync(
            new(new("SELECT 1"), null, null, 1, TimeSpan.FromMinutes(1)), new CollectingSink(), TestContext.Current.CancellationToken);
}

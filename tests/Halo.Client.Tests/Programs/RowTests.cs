using Halo.Contracts.Queries;
using Halo.Testing;
using Halo.Testing.Proxy;

namespace Halo.Client.Tests.Programs;

/// <summary>Whatever breaks under rows, those that came are never taken for all.</summary>
public abstract class RowTests(string engine, SharedPostgres postgres)
{
    const int Rows = 100_000;

    [Theory]
    [InlineData("the client's connection is cut")]
    [InlineData("the Link's line is cut")]
    [InlineData("the API is killed")]
    [InlineData("the Link is killed")]
    public async Task A_stream_that_breaks_off_is_an_error_and_never_its_end(string what)
    {
        await using var practice = await Practice.OpenAsync(engine, postgres);
        practice.Inwards.Down.BytesPerSecond = 2_000_000;
        practice.Line.Up.BytesPerSecond = 2_000_000;
        var read = 0;
        var error = await Assert.ThrowsAsync<HaloException>(async () =>
        {
            // A query whose line was cut runs on to its limit, and then its caller is told: so the limit is not the service's whole minute.
            await foreach (var id in practice.Site.StreamAsync<(long Id, string, decimal, long?)>(HaloCommand.Text(practice.Numbers(2_000_000_000)), new() { Timeout = TimeSpan.FromSeconds(15) }))
            {
                Assert.Equal(++read, id.Id);
                if (read != 1000)
                    continue;
                switch (what)
                {
                    case "the client's connection is cut":
                        practice.Inwards.Cut();
                        break;
                    case "the Link's line is cut":
                        practice.Line.Cut();
                        break;
                    case "the API is killed":
                        await practice.Fixture.Api.Process.KillAsync();
                        await practice.Fixture.Api.StartAsync();
                        break;
                    default:
                        await practice.Link.Process.KillAsync();
                        await practice.Link.StartAsync();
                        break;
                }
            }
        });
        Assert.InRange(read, 1000, 1_999_999_999);
        Assert.NotNull(error.QueryId);
        // The client goes on.
        await practice.Link.WhenOnlineAsync();
        Assert.Equal(1, await practice.Site.ScalarAsync<int>($"SELECT 1", new() { IsRepeatable = true }));
    }

    [Fact]
    public async Task A_repeatable_query_outlives_the_API()
    {
        await using var practice = await Practice.OpenAsync(engine, postgres);
        await practice.Fixture.Api.Process.KillAsync();
        var answer = practice.Site.QueryAsync<int>($"SELECT {7}", new() { IsRepeatable = true });
        await practice.Fixture.Api.StartAsync();
        Assert.Equal([7], await answer);
    }

    [Fact]
    public async Task A_query_without_a_key_is_not_repeated_in_doubt()
    {
        await using var practice = await Practice.OpenAsync(engine, postgres);
        var counting = practice.Site.ScalarAsync<long>(HaloCommand.Text("SELECT COUNT(*) FROM (" + practice.Numbers(2_000_000_000) + ") AS x"));
        await practice.WhenBusyAsync();
        practice.Inwards.Cut();
        var error = await Assert.ThrowsAsync<HaloException>(() => counting);
        Assert.Equal((HaloExceptionCodes.ConnectionLost, Executed.Unknown, true), (error.Code, error.Executed, error.IsTransient));
        await practice.WhenIdleAsync();
    }

    [Fact]
    public async Task An_export_is_whole_though_the_API_was_killed_and_pages_were_damaged_on_the_way()
    {
        await using var practice = await Practice.OpenAsync(engine, postgres);
        var queued = await practice.Site.QueueAsync(HaloCommand.Text(practice.Numbers(Rows)));
        // A claim whose answer dies with the API ends as lost, nothing having run.
        await Eventually.BecomesAsync(async () => (await practice.Link.StatusAsync())["work"]!["asyncRunning"]!.GetValue<int>() > 0 || (await queued.GetAsync()).CompletedAt is not null, there => there);
        await practice.Fixture.Api.Process.KillAsync();
        var waiting = queued.WaitAsync();
        await practice.Fixture.Api.StartAsync();
        Assert.Equal(Rows, (await waiting).Result!.Rows);

        var down = practice.Inwards.Down;
        down.Passed = _ => down.Mode = down.Corrupted > 0 ? LineMode.Pass : down.Mode;
        var read = 0L;
        await foreach (var row in queued.ReadAsync<(long Id, string, decimal, long?)>())
        {
            Assert.Equal(++read, row.Id);
            // From here on there are pages alone, and their bodies are long enough to be touched.
            if (read == 1)
                (down.CorruptFrom, down.Mode) = (6000, LineMode.Corrupt);
            if (read is Rows / 4 or Rows / 2)
                practice.Inwards.Cut();
        }
        Assert.Equal(Rows, read);
        Assert.NotEqual(0, down.Corrupted);
    }
}

public sealed class SqliteRowTests(SharedPostgres postgres) : RowTests("sqlite", postgres);

public sealed class PostgresRowTests(SharedPostgres postgres) : RowTests("postgres", postgres);

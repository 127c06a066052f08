using System.Net;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.BadInput;

/// <summary>What the database refuses comes back in its own words; a database that is down is told apart from a Link that is away.</summary>
public sealed class DatabaseErrorTests(SharedPostgres postgres)
{
    [Fact]
    public async Task SQL_that_SQLite_refuses_comes_back_in_its_own_words()
    {
        await using var fixture = await HaloFixture.StartAsync();
        var (_, site, integrator) = await fixture.AddPairedAsync(new LinkSite("sqlite", fixture.SqliteFile()));
        var details = await RefusedAsync(integrator, site.Id, "SELECT word FROM nowhere");
        Assert.Equal(ErrorTypes.Sqlite, details.ErrorType);
        Assert.Equal(1, details.ErrorCode);
        Assert.Contains("no such table: nowhere", details.ErrorMessage, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SQL_that_PostgreSQL_refuses_comes_back_in_its_own_words()
    {
        await using var fixture = await HaloFixture.StartAsync();
        var (_, site, integrator) = await fixture.AddPairedAsync(new LinkSite("postgres", await postgres.Server.CreateDatabaseAsync()));
        var details = await RefusedAsync(integrator, site.Id, "SELECT word FROM nowhere");
        Assert.Equal(ErrorTypes.Postgres, details.ErrorType);
        Assert.Equal("42P01", details.SqlState);
        Assert.Contains("relation \"nowhere\" does not exist", details.ErrorMessage, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_that_is_down_is_named_and_serves_again_when_it_is_back()
    {
        Assert.SkipWhen(PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
        await using var server = await PostgresServer.StartAsync("fsync=off");
        await using var fixture = await HaloFixture.StartAsync();
        var (_, site, integrator) = await fixture.AddPairedAsync(new LinkSite("postgres", await server.CreateDatabaseAsync()));
        Assert.Equal(HttpStatusCode.OK, (await integrator.ImmediateAsync(site.Id, "SELECT 1")).Status);

        await server.StopAsync();
        var answer = await Eventually.BecomesAsync(() => integrator.ImmediateAsync(site.Id, "SELECT 1"),
            // The first may have died with a connection that stood: then nobody knows.
            a => a.Query is { ErrorDetails.Code: FailureCodes.DatabaseUnavailable, Executed: Executed.No });
        Assert.NotEqual(HttpStatusCode.OK, answer.Status);
        Assert.NotEmpty(answer.Query.ErrorDetails!.ErrorMessage);

        await server.StartAgainAsync();
        await Eventually.BecomesAsync(() => integrator.ImmediateAsync(site.Id, "SELECT 1"), a => a.Status == HttpStatusCode.OK);
    }

    static async Task<ErrorDetails> RefusedAsync(IntegratorClient integrator, Guid site, string sql)
    {
        var answer = await integrator.ImmediateAsync(site, sql);
        Assert.True(answer.Status == HttpStatusCode.BadRequest, answer.ToString());
        Assert.Equal(QueryStatus.ExecutionFailed, answer.Query.Status);
        Assert.Equal(Executed.No, answer.Query.Executed);
        Assert.Equal(answer.Query.ErrorDetails!.ErrorMessage, answer.Query.ErrorMessage);

        var queued = await integrator.QueueAsync(site, sql);
        var ended = await integrator.WhenFinalAsync(site, queued.Query.Id);
        Assert.Equal(QueryStatus.ExecutionFailed, ended.Status);
        Assert.Equal(answer.Query.ErrorDetails.ErrorMessage, ended.ErrorDetails!.ErrorMessage);
        return answer.Query.ErrorDetails;
    }
}

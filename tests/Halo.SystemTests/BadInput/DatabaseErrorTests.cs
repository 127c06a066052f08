using System.Data.Common;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Testing;
using Halo.Testing.Processes;
using Microsoft.Data.Sqlite;
using Npgsql;

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

    [Theory]
    [InlineData("sqlite", "SELECT json_extract('{}', '$' || hex(zeroblob(300000))) FROM held")]
    [InlineData("postgres", "SELECT repeat('x', 600000)::int FROM held")]
    public async Task The_databases_words_count_towards_the_practices_maxBytes_also_where_the_Link_dies_between_the_end_of_a_query_and_its_report(string engine, string sql)
    {
        await using var fixture = await HaloFixture.StartAsync(("Halo__Links__UnreachableAfterMs", "300000"));
        var practice = engine == "sqlite" ? fixture.SqliteFile() : await postgres.Server.CreateDatabaseAsync();
        var policy = new JsonObject { ["default"] = new JsonObject { ["maxBytes"] = MaxBytes } };
        var (link, site, integrator) = await fixture.AddPairedAsync(new LinkSite(engine, practice)
        {
            Policy = policy,
            // The lock below is not what the query is to fail of; on SQLite it waits as long as it may run.
            Protection = engine == "postgres" ? new JsonObject { ["lockTimeoutMs"] = 0 } : null,
        });
        Assert.Equal(HttpStatusCode.OK, (await integrator.ImmediateAsync(site.Id, "CREATE TABLE held AS SELECT 1 AS n", "nonQuery")).Status);
        IsCut(await RefusedAsync(integrator, site.Id, sql));
        var queued = await integrator.QueueAsync(site.Id, sql);
        IsCut((await integrator.WhenFinalAsync(site.Id, queued.Query.Id)).ErrorDetails!);

        // One that has begun when the API falls silent, and ends meanwhile.
        var again = Guid.Empty;
        await using (await LockAsync(engine, practice))
        {
            again = (await integrator.QueueAsync(site.Id, sql)).Query.Id;
            await link.WhenAsyncRunAsync(1);
            fixture.Api.Process.Pause();
        }
        await Eventually.BecomesAsync(() => JournalledAsync(link), ended => ended == 1);
        await link.Process.KillAsync();
        await link.LaunchAsync();
        fixture.Api.Process.Continue();
        var query = await integrator.WhenFinalAsync(site.Id, again);
        Assert.Equal((QueryStatus.ExecutionFailed, Executed.No), (query.Status, query.Executed));
        IsCut(query.ErrorDetails!);
        await Eventually.BecomesAsync(() => integrator.ImmediateAsync(site.Id, "SELECT 1"), a => a.Status == HttpStatusCode.OK);
        Assert.Equal(QueryStatus.Successful, (await integrator.WhenFinalAsync(site.Id, (await integrator.QueueAsync(site.Id, "SELECT 1")).Query.Id)).Status);

        void IsCut(ErrorDetails details)
        {
            Assert.Equal(engine == "sqlite" ? ErrorTypes.Sqlite : ErrorTypes.Postgres, details.ErrorType);
            Assert.InRange(Encoding.UTF8.GetByteCount(details.ErrorMessage), MaxBytes / 2, MaxBytes);
        }
    }

    const int MaxBytes = 1000;

    /// <summary>Keeps the table <c>held</c> from its readers.</summary>
    static async Task<IAsyncDisposable> LockAsync(string engine, string practice)
    {
        DbConnection connection = engine == "sqlite" ? new SqliteConnection(practice + ";Pooling=False") : new NpgsqlConnection(practice + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = engine == "sqlite" ? "BEGIN EXCLUSIVE" : "BEGIN; LOCK TABLE held IN ACCESS EXCLUSIVE MODE";
        await command.ExecuteNonQueryAsync();
        return connection;
    }

    /// <summary>Claims whose end is in the Link's journal and not acknowledged.</summary>
    static async Task<long> JournalledAsync(LinkProgram link)
    {
        await using var journal = new SqliteConnection($"Data Source={Path.Combine(link.DataDirectory, "journal.db")};Mode=ReadOnly;Pooling=False");
        await journal.OpenAsync();
        await using var command = new SqliteCommand("SELECT COUNT(*) FROM claims WHERE phase = 'Ended' AND held = 1 AND report IS NOT NULL", journal);
        return (long)(await command.ExecuteScalarAsync())!;
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

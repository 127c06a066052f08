using System.Net;
using System.Text.Json.Nodes;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Promises;

/// <summary>The practice's database is away: whoever asks, looks at the status or reads the log learns it in the database's words, and nothing is lost.</summary>
public sealed class DatabaseAwayTests
{
    [Fact]
    public async Task A_server_that_is_down_is_told_at_once_and_async_queries_wait_for_it()
    {
        Assert.SkipWhen(PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
        await using var server = await PostgresServer.StartAsync("fsync=off");
        await using var fixture = await HaloFixture.StartAsync();
        var (link, site, integrator) = await fixture.AddPairedAsync(new LinkSite("postgres", await server.CreateDatabaseAsync()));
        Assert.Equal(HttpStatusCode.OK, (await integrator.ImmediateAsync(site.Id, "CREATE TABLE t (id int)", "nonQuery")).Status);

        await server.StopAsync();
        await AssertAwayAsync(integrator, site.Id);
        await link.Process.WaitForLineAsync(l => l.Contains("cannot connect to its database", StringComparison.Ordinal) && l.Contains("Start PostgreSQL", StringComparison.Ordinal));
        Assert.Contains("refused", await FaultAsync(link), StringComparison.OrdinalIgnoreCase);
        var queued = new List<Guid>();
        for (var i = 0; i < 5; i++)
            queued.Add((await integrator.QueueAsync(site.Id, $"INSERT INTO t VALUES ({i})", "nonQuery")).Query.Id);
        var impatient = (await integrator.QueueAsync(site.Id, "INSERT INTO t VALUES (99)", "nonQuery", maxTimeInQueue: 2000)).Query.Id;
        Assert.Equal((QueryStatus.ExpiredInQueue, Executed.No), await integrator.WhenFinalAsync(site.Id, impatient) is var e ? (e.Status, e.Executed) : default);
        foreach (var id in queued)
            Assert.Equal(QueryStatus.Queued, (await integrator.FindAsync(site.Id, id)).Status);

        await server.StartAgainAsync();
        foreach (var id in queued)
            Assert.Equal(QueryStatus.Successful, (await integrator.WhenFinalAsync(site.Id, id)).Status);
        await link.Process.WaitForLineAsync(l => l.Contains("connected to its database again", StringComparison.Ordinal));
        Assert.Equal("healthy", (string?)(await SiteStatusAsync(link))["database"]!["status"]);
        Assert.Equal(HttpStatusCode.OK, (await integrator.ImmediateAsync(site.Id, "SELECT 1")).Status);
    }

    [Fact]
    public async Task A_wrong_password_is_told_in_the_servers_words_and_never_shown()
    {
        Assert.SkipWhen(PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
        await using var server = await PostgresServer.StartAsync("fsync=off");
        var database = await server.CreateDatabaseAsync();
        await using var own = new Npgsql.NpgsqlConnection(database);
        await own.OpenAsync();
        await RunAsync(own, "CREATE ROLE keeper LOGIN SUPERUSER PASSWORD 'right'");
        var hba = await RunAsync(own, "SHOW hba_file");
        await RunAsync(own, $"COPY (VALUES ('host all keeper 127.0.0.1/32 scram-sha-256'), ('host all all 127.0.0.1/32 trust')) TO '{hba}'");
        await RunAsync(own, "SELECT pg_reload_conf()");
        await using var fixture = await HaloFixture.StartAsync();
        var (link, site, integrator) = await fixture.AddPairedAsync(new LinkSite("postgres", $"{database};Username=keeper;Password=hunter2-secret"));
        var answer = await AssertAwayAsync(integrator, site.Id);
        Assert.Equal(("28P01", "password authentication failed for user \"keeper\""), (answer.ErrorDetails!.SqlState, answer.ErrorDetails.ErrorMessage));
        Assert.Contains("Correct the login or its password", await FaultAsync(link), StringComparison.Ordinal);
        await link.Process.WaitForLineAsync(l => l.Contains("password authentication failed", StringComparison.Ordinal));
        Assert.DoesNotContain("hunter2-secret", link.Process.Output, StringComparison.Ordinal);

        // A change of the settings is tried at once, however long the login was to be left alone.
        var file = JsonNode.Parse(await File.ReadAllTextAsync(link.ConfigurationFile))!;
        file["sites"]![0]!["connectionString"] = $"{database};Username=keeper;Password=right";
        await File.WriteAllTextAsync(link.ConfigurationFile, file.ToJsonString());
        link.Process.HangUp();
        await Eventually.BecomesAsync(() => integrator.ImmediateAsync(site.Id, "SELECT 1"), a => a.Status == HttpStatusCode.OK);
        await link.Process.WaitForLineAsync(l => l.Contains("connected to its database again", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_file_that_is_missing_is_named_until_it_is_back()
    {
        await using var fixture = await HaloFixture.StartAsync();
        var (link, site, integrator) = await fixture.AddPairedAsync(new LinkSite("sqlite", fixture.SqliteFile()));
        var path = link.ConfigurationFile is var config ? (string)JsonNode.Parse(await File.ReadAllTextAsync(config))!["sites"]![0]!["connectionString"]! : "";
        path = path.Split('=', 2)[1].Split(';')[0];
        Assert.Equal(HttpStatusCode.OK, (await integrator.ImmediateAsync(site.Id, "SELECT 1")).Status);
        File.Move(path, path + ".away");
        Assert.Equal(14, (await AssertAwayAsync(integrator, site.Id)).ErrorDetails!.ErrorCode);
        Assert.Contains($"There is no file {path}", await FaultAsync(link), StringComparison.Ordinal);
        File.Move(path + ".away", path);
        await Eventually.BecomesAsync(() => integrator.ImmediateAsync(site.Id, "SELECT 1"), a => a.Status == HttpStatusCode.OK);
        await link.Process.WaitForLineAsync(l => l.Contains("connected to its database again", StringComparison.Ordinal));
    }

    static async Task<Query> AssertAwayAsync(IntegratorClient integrator, Guid site)
    {
        var answer = await integrator.ImmediateAsync(site, "SELECT 1");
        Assert.True(answer.Status == HttpStatusCode.ServiceUnavailable, answer.ToString());
        Assert.NotNull(answer.Headers.RetryAfter);
        Assert.Equal((FailureCodes.DatabaseUnavailable, Executed.No), (answer.Query.ErrorDetails?.Code, answer.Query.Executed));
        return answer.Query;
    }

    static async Task<object?> RunAsync(Npgsql.NpgsqlConnection connection, string sql)
    {
        await using var command = new Npgsql.NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }

    static async Task<JsonNode> SiteStatusAsync(LinkProgram link) => (await link.StatusAsync())["sites"]![0]!;

    /// <summary>Within the one query that has failed.</summary>
    static async Task<string> FaultAsync(LinkProgram link)
    {
        var site = await SiteStatusAsync(link);
        Assert.Equal("failing", (string?)site["database"]!["status"]);
        return (string)site["databaseFaults"]![0]!;
    }
}

using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Halo.Contracts.Queries;
using Halo.SystemTests.Promises;
using Halo.Testing;
using Halo.Testing.Processes;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Halo.SystemTests.Sizes;

/// <summary>API and Link with a line that can be cut, a practice whose description is as long as it may be, and a second integrator.</summary>
sealed class SizedWorld(BrokenLine broken, string engine, string database, IntegratorClient bystander) : IAsyncDisposable
{
    int _cuts;
    int _disconnections;

    static readonly string LongestName = string.Concat(Enumerable.Repeat("😀", 100));

    Guid Site => broken.Site.Id;

    public static async Task<SizedWorld> StartAsync(string engine, string database)
    {
        var practice = new LinkSite(engine, database) { PracticeName = LongestName };
        var site = practice.ToJson();
        site["practiceManagementVersion"] = LongestName;
        site["catalogues"] = new JsonArray([.. Enumerable.Range(0, 1000).Select(i => new JsonObject
        {
            ["name"] = i.ToString(CultureInfo.InvariantCulture).PadLeft(160, '語'),
            ["isDefault"] = i == 0,
        })]);
        // They connect again soon, and take nobody for dead who is only slow: each end of a session is judged here.
        var settings = new JsonObject
        {
            ["connection"] = new JsonObject { ["firstWaitMs"] = 50, ["longestWaitMs"] = 500 },
            ["upload"] = new JsonObject { ["firstWaitMs"] = 50, ["longestWaitMs"] = 500 },
            ["sites"] = new JsonArray(site),
        };
        var broken = await BrokenLine.StartAsync(
            settings, [("Halo__Limits__PageBytes", "65536"), ("Halo__Limits__ImmediateResultBytes", $"{SizedQueries.ResultBytes}")], practice);
        try
        {
            var bystander = await broken.Fixture.MakeIntegratorAsync("Bystander");
            await broken.Fixture.Api.PairAsync(bystander, broken.Site.Id);
            var world = new SizedWorld(broken, engine, database, bystander);
            await world.DoAsync("CREATE TABLE done (n int)");
            if (engine == "postgres")
                await world.DoAsync("CREATE PROCEDURE fill(n int, c text, size int, INOUT v text) LANGUAGE plpgsql AS 'BEGIN INSERT INTO done VALUES (n); v := repeat(c, size); END'");
            return world;
        }
        catch
        {
            await broken.DisposeAsync();
            throw;
        }
    }

    /// <summary>Asks, disturbs, and waits until the query is final and the bystander is answered.</summary>
    /// <param name="after">How many bytes pass before the line is cut.</param>
    /// <returns>What the caller was answered, null where the API was killed meanwhile; the query in the end, null where that API had not accepted it; whether the line was cut.</returns>
    public async Task<(Answer? Answer, Query? Final, bool WasCut)> AskAsync(SizedQuery query, Disturbance disturbance, int after)
    {
        var cuts = _cuts;
        using var cutting = new LineCut(broken.Line, disturbance, after, () => Interlocked.Increment(ref _cuts));
        var path = $"integrator/sites/{Site}/queries";
        var asked = broken.Integrator.SendAsync(HttpMethod.Post, $"{path}/{(query.IsAsync ? "async" : "immediate")}", query.Body, ("Halo-Tag", query.Tag));
        var beside = bystander.ImmediateAsync(Site, "SELECT 1 AS n");
        if (disturbance is Disturbance.ApiEnds or Disturbance.LinkEnds)
        {
            await cutting.Done;
            await RestartAsync(disturbance);
        }
        var answer = await AnswerAsync(asked);
        var other = await AnswerAsync(beside);
        var final = await FinalAsync(path, query, answer);
        cutting.Dispose();
        if (_cuts == cuts)
            Assert.True(other?.Status == HttpStatusCode.OK, $"The other integrator's query beside {query}: {other}");
        await Eventually.BecomesAsync(() => bystander.ImmediateAsync(Site, "SELECT 1 AS n"), a => a.Status == HttpStatusCode.OK);
        return (answer, final, _cuts > cuts);
    }

    /// <summary>Gives the practice another name of the same length under the running Link, and one that is too long before.</summary>
    public async Task RenameAsync()
    {
        var name = string.Concat(Enumerable.Repeat("🦷", 100));
        foreach (var written in (string[])[name + "x", name])
        {
            var file = JsonNode.Parse(await File.ReadAllTextAsync(broken.Link.ConfigurationFile))!;
            file["sites"]![0]!["practiceName"] = written;
            await File.WriteAllTextAsync(broken.Link.ConfigurationFile, file.ToJsonString());
            if (written != name)
                await broken.Link.Process.WaitForLineAsync(l => l.Contains("practiceName", StringComparison.Ordinal));
        }
        await Eventually.BecomesAsync(broken.Link.FindSitesAsync, sites => sites[0].PracticeMetadata?.PracticeName == name);
    }

    /// <summary>How often the number stands in <c>done</c>.</summary>
    public async Task<long> CountAsync(int number) => Convert.ToInt64(await DoAsync($"SELECT COUNT(*) FROM done WHERE n = {number}"), CultureInfo.InvariantCulture);

    /// <summary>Sessions that ended though nobody cut the line.</summary>
    public int EndedByThemselves => _disconnections + Disconnections() - _cuts;

    public string Logs => $"The API wrote:\n{broken.Fixture.Api.Process.Output}\nThe Link wrote:\n{broken.Link.Process.Output}";

    public ValueTask DisposeAsync() => broken.DisposeAsync();

    int Disconnections() => broken.Fixture.Api.Process.Lines.Count(l => l.Contains("is disconnected", StringComparison.Ordinal));

    async Task RestartAsync(Disturbance disturbance)
    {
        if (disturbance == Disturbance.LinkEnds)
        {
            await broken.Link.Process.KillAsync();
            // That session may have begun again before the Link was killed.
            Interlocked.Increment(ref _cuts);
            await broken.Link.StartAsync();
            return;
        }
        await broken.Fixture.Api.Process.KillAsync();
        _disconnections += Disconnections();
        await broken.Fixture.Api.StartAsync();
        await broken.Link.WhenOnlineAsync();
    }

    static async Task<Answer?> AnswerAsync(Task<Answer> asked)
    {
        try
        {
            return await asked;
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    async Task<Query?> FinalAsync(string path, SizedQuery query, Answer? answer)
    {
        if (answer is not null && (int)answer.Status is not (200 or 201) && answer.Query.CompletedAt is not null)
            return answer.Query;
        if (answer is { Status: HttpStatusCode.OK })
            return answer.Query;
        var found = await broken.Integrator.GetAsync($"{path}?tag={query.Tag}");
        if (answer is not null)
            found = await Eventually.BecomesAsync(() => broken.Integrator.GetAsync($"{path}?tag={query.Tag}"), f => f.Body.Contains("\"id\":", StringComparison.Ordinal));
        // What may write is durable before it is sent: of what the killed API has no record nothing ran.
        if (answer is null && !found.Body.Contains("\"id\":", StringComparison.Ordinal))
            return null;
        var id = JsonNode.Parse(found.Body)!["queries"]![0]!["id"]!.GetValue<Guid>();
        return await broken.Integrator.WhenFinalAsync(Site, id);
    }

    async Task<object?> DoAsync(string sql)
    {
        if (engine == "postgres")
        {
            await using var connection = new NpgsqlConnection(database + ";Pooling=false");
            await connection.OpenAsync();
            await using var command = new NpgsqlCommand(sql, connection);
            return await command.ExecuteScalarAsync();
        }
        await using var file = new SqliteConnection(database + ";Pooling=False");
        await file.OpenAsync();
        await using var statement = new SqliteCommand(sql, file) { CommandTimeout = 60 };
        return await statement.ExecuteScalarAsync();
    }
}

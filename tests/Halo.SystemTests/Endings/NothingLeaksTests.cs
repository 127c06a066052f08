using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Halo.Contracts.Queries;
using Halo.Testing;
using Halo.Testing.Processes;
using static Halo.SystemTests.Endings.EndingsHouse;

namespace Halo.SystemTests.Endings;

/// <summary>
/// 64 callers through the real programs, each asking for its own id, stopped at random moments by limits, by going away and by DELETE: no answer, whole
/// or begun, ever holds another's (a driver once did this: CVE-2022-41064). HALO_LEAK_CALLS says how many queries each asks (default 8; 1000 takes its time).
/// </summary>
[Collection(nameof(Alone))]
public sealed partial class NothingLeaksTests(SharedPostgres postgres, ITestOutputHelper output)
{
    const int Callers = 64, RowsOfMany = 400;

    static int Calls => int.TryParse(Environment.GetEnvironmentVariable("HALO_LEAK_CALLS"), NumberStyles.Integer, CultureInfo.InvariantCulture, out var calls) ? calls : 8;

    [Fact]
    public async Task No_answer_of_PostgreSQL_holds_anothers()
    {
        await using var house = await Houses.PostgresAsync(postgres);
        await RunAsync(house, [("SELECT @id AS id", 1), ($"SELECT @id AS id FROM generate_series(1, {RowsOfMany})", RowsOfMany), ("SELECT @id AS id FROM pg_sleep(0.005)", 1)]);
    }

    [Fact]
    public async Task No_answer_of_SQLite_holds_anothers()
    {
        await using var house = await Houses.SqliteAsync();
        await RunAsync(house, [("SELECT @id AS id", 1), (Counted(RowsOfMany, "SELECT @id AS id FROM n"), RowsOfMany), (Counted(20_000, "SELECT @id AS id FROM n WHERE i = 20000"), 1)]);

        static string Counted(int rows, string sql) => $"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) {sql}";
    }

    async Task RunAsync(EndingsHouse house, (string Sql, int Rows)[] statements)
    {
        var seed = Random.Shared.Next();
        var endings = new ConcurrentDictionary<string, int>();
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => Task.Run(async () =>
        {
            var random = new Random(unchecked(seed + caller));
            for (var call = 0; call < Calls; call++)
            {
                var (sql, rows) = statements[random.Next(statements.Length)];
                var asks = new Asking(house, sql, rows, 1_000_000 + caller * 1_000_000 + call);
                var ending = random.Next(10) switch
                {
                    < 3 => await asks.AskAsync(null, null),
                    < 5 => await asks.AskAsync(random.Next(1, 15), null),
                    < 7 => await asks.AskAsync(null, random.Next(0, 30)),
                    7 => await asks.StreamAsync(random.Next(2) == 0 ? null : random.Next(0, 30)),
                    8 => await asks.QueueAsync(null),
                    _ => await asks.QueueAsync(random.Next(0, 40)),
                };
                endings.AddOrUpdate(ending, 1, (_, count) => count + 1);
            }
        })));
        output.WriteLine($"Seed {seed}, {Callers} callers, {Calls} calls each: {string.Join(", ", endings.OrderBy(e => e.Key, StringComparer.Ordinal).Select(e => $"{e.Key} {e.Value}"))}");
        Assert.True(endings.GetValueOrDefault("whole") > 0 && endings.GetValueOrDefault("left") > 0, string.Join(", ", endings));
        await house.RestsAsync();
    }

    [GeneratedRegex("\"id\":(\\d+)")]
    private static partial Regex Ids();

    /// <summary>One query of one caller.</summary>
    sealed class Asking(EndingsHouse house, string sql, int rows, int id)
    {
        string Queries => $"integrator/sites/{house.Site.Id}/queries";

        string Body(int? limit) => EndingsHouse.Body(sql, timeout: limit, parameters: [new { name = "id", type = "Int", value = id }]);

        public async Task<string> AskAsync(int? limit, int? leavesAfter)
        {
            using var leaves = Leaving(leavesAfter);
            try
            {
                using var content = new StringContent(Body(limit), Encoding.UTF8, "application/json");
                using var answer = await house.Integrator.Http.PostAsync(new Uri($"{Queries}/immediate", UriKind.Relative), content, leaves.Token);
                var body = await answer.Content.ReadAsStringAsync(leaves.Token);
                if (answer.StatusCode != HttpStatusCode.OK)
                    return Stopped(answer.StatusCode, body);
                return Whole(Data(new Answer(answer.StatusCode, body, answer.Headers).Query.Result!.Data!));
            }
            catch (OperationCanceledException) when (leavesAfter is not null)
            {
                return "left";
            }
        }

        public async Task<string> StreamAsync(int? leavesAfter)
        {
            using var leaves = Leaving(leavesAfter);
            var begun = new StringBuilder();
            try
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, $"{Queries}/immediate")
                {
                    Content = new StringContent(Body(null), Encoding.UTF8, "application/json"),
                    Headers = { { "Accept", "application/x-ndjson" } },
                };
                using var answer = await house.Integrator.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, leaves.Token);
                using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(leaves.Token));
                while (await reader.ReadLineAsync(leaves.Token) is { } line)
                    begun.AppendLine(line);
                return answer.StatusCode == HttpStatusCode.OK ? Whole(begun.ToString()) : Stopped(answer.StatusCode, begun.ToString());
            }
            catch (OperationCanceledException) when (leavesAfter is not null)
            {
                Mine(begun.ToString());
                return "left";
            }
        }

        public async Task<string> QueueAsync(int? deletedAfter)
        {
            var query = await house.QueueAsync(Body(null));
            if (deletedAfter is { } after)
            {
                await Task.Delay(after);
                var deleted = await house.DeleteAsync(query);
                Assert.True(deleted.Status is HttpStatusCode.Accepted or HttpStatusCode.OK, deleted.ToString());
            }
            var ended = await house.WhenFinalAsync(query);
            if (ended.Status == QueryStatus.Cancelled)
                return "deleted";
            Assert.True(ended.Status == QueryStatus.Successful, $"{ended.Status}: {ended.ErrorDetails}");
            var page = await house.Integrator.GetAsync($"{Queries}/{query}/results");
            Assert.True(page.Status == HttpStatusCode.OK, page.ToString());
            return Whole(page.Body);
        }

        string Whole(string json)
        {
            Assert.Equal(rows, Mine(json));
            return "whole";
        }

        static string Stopped(HttpStatusCode status, string body)
        {
            Assert.True(status is HttpStatusCode.GatewayTimeout or HttpStatusCode.ServiceUnavailable, $"{(int)status} {body}");
            return ((int)status).ToString(CultureInfo.InvariantCulture);
        }

        int Mine(string json)
        {
            var ids = Ids().Matches(json).Select(m => int.Parse(m.Groups[1].ValueSpan, CultureInfo.InvariantCulture)).ToList();
            Assert.All(ids, other => Assert.Equal(id, other));
            return ids.Count;
        }

        static CancellationTokenSource Leaving(int? after) => after is { } ms ? new(ms) : new();

        static string Data(string base64) => Encoding.UTF8.GetString(Convert.FromBase64String(base64));
    }
}

using System.Diagnostics;
using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Halo.Contracts.Events;
using Halo.Contracts.Json;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Journeys;

/// <summary>Webhooks through the real programs: nothing is lost when they are killed, and a receiver knows what is ours by the code of docs/events.md.</summary>
public sealed class EventTests(SharedPostgres postgres)
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Every_end_is_told_although_the_service_is_killed_again_and_again(bool onPostgres)
    {
        await using var receiver = new EventReceiver();
        var random = new Random(20_001);
        // It answers, answers that it cannot now, or breaks off, each the first time alone: so nothing waits for long.
        var seen = new System.Collections.Concurrent.ConcurrentDictionary<string, bool>();
        receiver.Answers = told => !seen.TryAdd(told.Header("X-Halo-Id"), true) ? ReceiverAnswer.Ok
            : random.Next(10) switch { < 6 => ReceiverAnswer.Ok, < 8 => new(503), _ => ReceiverAnswer.Cut };
        (string, string)[] store = onPostgres ? await House.PostgresStoreAsync(postgres) : [];
        await using var fixture = await HaloFixture.StartAsync([("Halo__Events__AllowedAddresses", "127.0.0.1"), .. store]);
        var (_, site, integrator) = await fixture.AddPairedAsync(new LinkSite("sqlite", fixture.SqliteFile()));
        await AddAsync(integrator, receiver.Url);

        var asked = new List<Guid>();
        for (var round = 0; round < 3; round++)
        {
            for (var i = 0; i < 15; i++)
            {
                var queued = await integrator.QueueAsync(site.Id, "SELECT 1 AS one");
                Assert.True(queued.Status == HttpStatusCode.Created, queued.ToString());
                asked.Add(queued.Query.Id);
            }
            await receiver.ReceiveAsync((round * 15) + 3);
            await fixture.Api.Process.KillAsync();
            await fixture.Api.StartAsync();
        }

        await Eventually.BecomesAsync(async () => await DeliveriesAsync(integrator), all => all.Count == asked.Count && all.All(d => d.Status == WebhookDeliveryStatus.Delivered),
            Eventually.Limit * 3);
        var told = receiver.Received.Select(r => QueryOf(JsonDocument.Parse(r.Body).RootElement)).ToHashSet();
        Assert.Equal(asked.Order(), told.Order());
        Assert.Equal(Enumerable.Range(1, asked.Count).Select(n => (long)n), (await DeliveriesAsync(integrator)).Select(d => d.Sequence).Order());
    }

    [Theory]
    [InlineData("python", "python3", "import sys\nprint(is_right(sys.argv[1], sys.stdin.buffer.read(), sys.argv[2], sys.argv[3]))")]
    [InlineData("javascript", "node", "process.stdin.toArray().then(b => console.log(isRight(process.argv[2], Buffer.concat(b), process.argv[3], process.argv[4])))")]
    public async Task A_receiver_knows_by_the_code_of_the_page_that_it_is_ours(string language, string program, string end)
    {
        Assert.SkipUnless((Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(p => File.Exists(Path.Combine(p, program))), $"{program} is not installed.");
        await using var receiver = new EventReceiver();
        await using var fixture = await HaloFixture.StartAsync(("Halo__Events__AllowedAddresses", "127.0.0.1"));
        var (_, site, integrator) = await fixture.AddPairedAsync(new LinkSite("sqlite", fixture.SqliteFile()));
        var secret = (await AddAsync(integrator, receiver.Url)).Secrets[0].Secret!;
        await integrator.QueueAsync(site.Id, "SELECT 1 AS one");
        var told = (await receiver.ReceiveAsync(1))[0];

        var page = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "events.md"));
        var file = Path.Combine(fixture.TemporaryDirectory, "receiver." + (language == "python" ? "py" : "cjs"));
        await File.WriteAllTextAsync(file, Regex.Match(page, $"```{language}\n(.*?)```", RegexOptions.Singleline).Groups[1].Value + "\n" + end);
        var (timestamp, signature) = (told.Header("X-Halo-Timestamp"), told.Header("X-Halo-Signature-256"));
        Assert.Equal("true", await RunAsync(program, file, told.Body, secret, timestamp, signature));
        Assert.Equal("false", await RunAsync(program, file, told.Body, secret + "x", timestamp, signature));
        Assert.Equal("false", await RunAsync(program, file, [.. told.Body, (byte)' '], secret, timestamp, signature));
        Assert.Equal("false", await RunAsync(program, file, told.Body, secret, timestamp, ""));
        Assert.Equal("false", await RunAsync(program, file, told.Body, secret, "2026-03-05T14:30:00.0000000+00:00", signature));
    }

    static async Task<string> RunAsync(string program, string file, byte[] body, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, [file, .. arguments]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        await process.StandardInput.BaseStream.WriteAsync(body);
        process.StandardInput.Close();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return output.Trim().ToLowerInvariant();
    }

    /// <summary>A claim whose reply was lost with the service has failed, and is told as that.</summary>
    static Guid QueryOf(JsonElement body) => (body.TryGetProperty("data", out var data) ? data : body).GetProperty("queryId").GetGuid();

    static async Task<Webhook> AddAsync(IntegratorClient integrator, string url)
    {
        var made = await integrator.SendAsync(HttpMethod.Post, "integrator/webhooks", $$"""{ "url": "{{url}}", "events": ["query.completed", "query.failed"] }""");
        Assert.True(made.Status == HttpStatusCode.Created, made.ToString());
        return JsonSerializer.Deserialize(made.Body, HaloJson.Default.Webhook)!;
    }

    static async Task<IReadOnlyList<WebhookDelivery>> DeliveriesAsync(IntegratorClient integrator) =>
        JsonSerializer.Deserialize((await integrator.GetAsync("integrator/webhooks/deliveries?limit=1000")).Body, HaloJson.Default.WebhookDeliveryList)!.Deliveries;
}

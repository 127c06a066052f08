using System.Net;
using System.Text.Json;
using Halo.Contracts.Events;
using Halo.Contracts.Json;
using Halo.Contracts.Sites;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Journeys;

/// <summary>A practice updates its system: whoever has read its schema is told what changed, without asking.</summary>
public sealed class SchemaChangeTests(SharedPostgres postgres)
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_update_of_the_practices_system_is_noticed_and_told(bool onPostgres)
    {
        var stop = TestContext.Current.CancellationToken;
        (string, string)[] store = onPostgres ? await House.PostgresStoreAsync(postgres) : [];
        await using var fixture = await HaloFixture.StartAsync([("Halo__HeartbeatSeconds", "1"), .. store]);
        var (link, site, integrator) = await fixture.AddPairedAsync(new LinkSite("sqlite", fixture.SqliteFile()));
        Assert.Equal(HttpStatusCode.OK, (await integrator.ImmediateAsync(site.Id, "CREATE TABLE patients (id int)", "nonQuery")).Status);
        // Until the Link has told of the catalogue as it is now.
        var first = site.HeartbeatTimestamp;
        await Eventually.BecomesAsync(async () => (await link.FindSitesAsync())[0].HeartbeatTimestamp, at => at > first + TimeSpan.FromSeconds(3));
        var before = await SchemaAsync();

        Assert.Equal(HttpStatusCode.OK, (await integrator.ImmediateAsync(site.Id, "ALTER TABLE patients ADD COLUMN mobile text", "nonQuery")).Status);
        await link.StartAsync();
        var after = await Eventually.BecomesAsync(SchemaAsync, s => s.Hash != before.Hash);
        Assert.Equal(["id", "mobile"], after.Tables.Single().Columns.Select(c => c.Name));
        var told = await NextEventAsync();
        Assert.Equal(after.Hash, told.Hash);
        var change = Assert.Single(told.Changes!);
        Assert.Equal((SchemaChangeKind.Altered, "table", "patients", "mobile"), (change.Change, change.Kind, change.Name, change.AddedColumns!.Single()));

        async Task<DatabaseSchema> SchemaAsync()
        {
            var answer = await integrator.GetAsync($"integrator/sites/{site.Id}/schema");
            Assert.True(answer.Status == HttpStatusCode.OK, answer.ToString());
            return JsonSerializer.Deserialize(answer.Body, HaloJson.Default.DatabaseSchema)!;
        }

        async Task<EventData> NextEventAsync()
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "integrator/events?types=schema.changed") { Headers = { { "Last-Event-ID", "0" } } };
            using var response = await integrator.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop);
            using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(stop));
            while (true)
            {
                var line = await lines.ReadLineAsync(stop) ?? throw new EndOfStreamException();
                if (line.StartsWith("data:", StringComparison.Ordinal) && line.Contains("schema.changed", StringComparison.Ordinal))
                    return JsonSerializer.Deserialize(line["data:".Length..], HaloJson.Default.HaloEvent)!.Data;
            }
        }
    }
}

using Halo.Api.Storage.Keys;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Frames;
using Halo.Testing;

namespace Halo.Api.Tests.Errors;

/// <summary>While the service's store is away, whoever asks for work hears that nothing came of it, and may ask again.</summary>
public class StoreAwayTests
{
    [Fact]
    public async Task What_could_not_be_accepted_is_503_and_has_not_run_and_a_repeat_succeeds_when_the_store_is_back()
    {
        Assert.SkipWhen(PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
        await using var server = await PostgresServer.StartAsync("fsync=off");
        await using var host = await ApiHost.StartAsync(
            $"Halo:Storage:ConnectionString={await server.CreateDatabaseAsync()}", $"Halo:Encryption:MasterKey={Convert.ToBase64String(new byte[32])}");
        await using var site = await PairedSite.CreateAsync(host);
        await server.StopAsync();

        await RefusedAsync("/async", null);
        await RefusedAsync("/async", "a");
        await RefusedAsync("/immediate", "b");
        await RefusedAsync("/immediate", null, """{ "command": { "text": "UPDATE notes SET note = 1", "executionMode": "nonQuery" } }""");

        await server.StartAgainAsync();
        await Until.TrueAsync(async () =>
        {
            using var listed = await site.SendAsync(HttpMethod.Get);
            return listed.IsSuccessStatusCode && (await listed.Content.ReadAsStringAsync()).Contains("\"queries\":[]", StringComparison.Ordinal);
        });
        using var again = await site.SendAsync(HttpMethod.Post, "/async", PairedSite.SelectOne, "a");
        Assert.True(201 == (int)again.StatusCode, await again.Content.ReadAsStringAsync());

        async Task RefusedAsync(string path, string? key, string body = PairedSite.SelectOne)
        {
            using var response = await site.SendAsync(HttpMethod.Post, path, body, key);
            var error = await response.ErrorAsync(503);
            Assert.Equal(ErrorCodes.ServiceUnavailable, error.Code);
            Assert.NotNull(response.Headers.RetryAfter);
        }
    }
    [Fact]
    public async Task An_outcome_that_comes_while_the_store_is_away_is_acknowledged_when_it_is_written_and_its_row_is_made_then()
    {
        Assert.SkipWhen(PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
        await using var server = await PostgresServer.StartAsync("fsync=off");
        await using var host = await ApiHost.StartAsync(
            $"Halo:Storage:ConnectionString={await server.CreateDatabaseAsync()}", $"Halo:Encryption:MasterKey={Convert.ToBase64String(new byte[32])}");
        await using var site = await PairedSite.CreateAsync(host);
        await server.StopAsync();
        // Nothing of it is in the store, neither its accept nor its end.
        var asked = site.AskAsync();
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.AnswerWholeAsync(id, """[{"n":1}]""", 1);
        using (var response = await asked)
            Assert.Equal((504, Executed.Yes), ((int)response.StatusCode, (await response.QueryAsync()).Executed));
        Assert.False(site.Link.Line.Dead.IsCancellationRequested);

        await server.StartAgainAsync();
        Assert.Equal(id, (await site.Link.ExpectAsync(FrameKind.OutcomeAck)).QueryId);
        Assert.Equal((QueryStatus.Successful, 1L), await site.GetAsync(id) is var q ? (q.Status, q.Result!.Rows!.Value) : default);
    }
}

using System.Text.Json;
using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Errors;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Sites.Pairings;

public class PairingTests(SharedPostgres postgres)
{
    [Theory, OnBothStores]
    public async Task A_code_from_the_practice_pairs_one_integrator_once(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        var (_, first, _) = await host.CreateIntegratorAsync();
        var (_, second, _) = await host.CreateIntegratorAsync();
        var ack = await BringAsync(link, "ACDE3467");
        Assert.True(ack.Accepted);
        Assert.InRange((ack.ExpiresAt!.Value - DateTimeOffset.UtcNow).TotalHours, 23, 24);
        Assert.Equal(ErrorCodes.PairingCodeInvalid, await RefusedAsync(host, first, null, 403));

        // As people write it.
        Assert.Equal(200, await PairAsync(host, first, "acde-3467"));
        Assert.Equal(ErrorCodes.PairingCodeInvalid, await RefusedAsync(host, second, "ACDE3467", 403));
        Assert.Equal(200, await PairAsync(host, first, null));
        Assert.Equal(200, await PairAsync(host, first, "ACDE3467", "pairSite"));
        using var asked = await host.SendAsync(HttpMethod.Post, $"/integrator/sites/{link.SiteId}/queries/async", """{ "sqlQuery": "SELECT 1" }""", first);
        Assert.Equal(201, (int)asked.StatusCode);
    }

    [Theory, OnBothStores]
    public async Task One_code_pairs_one_of_many_who_try_it_at_once(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        Assert.True((await BringAsync(link, "ACDE3467")).Accepted);
        var keys = new List<string>();
        for (var i = 0; i < 6; i++)
            keys.Add((await host.CreateIntegratorAsync()).Primary);
        var answers = await Task.WhenAll(keys.Select(k => PairAsync(host, k, "ACDE3467")));
        Assert.Equal([200, 403, 403, 403, 403, 403], answers.Order());
    }

    [Theory, OnBothStores]
    public async Task After_five_wrong_codes_an_integrator_waits_and_no_other(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        var (_, guesser, _) = await host.CreateIntegratorAsync();
        var (_, honest, _) = await host.CreateIntegratorAsync();
        await BringAsync(link, "ACDE3467");
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => PairAsync(host, guesser, "AAAAAAAA")));
        Assert.Equal((5, 3), (answers.Count(a => a == 403), answers.Count(a => a == 429)));
        using var right = await SendAsync(host, guesser, "ACDE3467", "pair-site");
        Assert.Equal(ErrorCodes.TooManyRequests, (await right.ErrorAsync(429)).Code);
        Assert.InRange(right.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 3000, 3600);
        Assert.Equal(200, await PairAsync(host, honest, "ACDE3467"));
    }

    [Theory, OnBothStores]
    public async Task A_code_that_is_a_day_old_or_of_another_practice_opens_nothing(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        await using var link = new SimulatedLink(host);
        await using var other = new SimulatedLink(host) { PmsId = "67890" };
        await link.StartAsync();
        await other.StartAsync();
        var (_, key, _) = await host.CreateIntegratorAsync();
        await BringAsync(other, "ACDE3467");
        Assert.Equal(403, await PairAsync(host, key, "ACDE3467"));
        await BringAsync(link, "ACDE3467");
        await host.Services.GetRequiredService<Database>().WriteAsync(t => t.RunAsync("UPDATE pairing_codes SET expires_at = 1"));
        Assert.Equal(403, await PairAsync(host, key, "ACDE3467"));
    }

    [Fact]
    public async Task The_store_holds_no_code()
    {
        await using var host = await ApiHost.StartAsync();
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        await BringAsync(link, "ACDE3467");
        var kept = await host.Services.GetRequiredService<Database>().ReadAsync(r => r.GetFieldValue<byte[]>(0), "SELECT code_hmac FROM pairing_codes");
        Assert.Equal(32, Assert.Single(kept).Length);
    }

    [Fact]
    public async Task A_Link_makes_codes_for_its_own_sites_alone()
    {
        await using var host = await ApiHost.StartAsync();
        await using var link = new SimulatedLink(host);
        await using var other = new SimulatedLink(host) { PmsId = "67890" };
        await link.StartAsync();
        await other.StartAsync();
        Assert.False((await BringAsync(link, "ACDE3467", other.SiteId)).Accepted);
        Assert.False((await BringAsync(link, "00000000")).Accepted);
    }

    [Fact]
    public async Task An_operator_may_let_an_integrator_do_without_but_never_with_Best_Practice()
    {
        await using var host = await ApiHost.StartAsync();
        await using var link = new SimulatedLink(host);
        await using var zedmed = new SimulatedLink(host) { PmsId = "5", PmsName = "Zedmed" };
        await link.StartAsync();
        await zedmed.StartAsync();
        var (id, key, _) = await host.CreateIntegratorAsync();
        Assert.Equal(403, await PairAsync(host, key, null, practice: "5", name: "Zedmed"));
        await host.AdminAsync(HttpMethod.Patch, $"/admin/v1/integrators/{id}", """{ "pairWithoutCode": ["zedmed"] }""");
        Assert.Equal(200, await PairAsync(host, key, null, practice: "5", name: "Zedmed"));
        Assert.Equal(403, await PairAsync(host, key, null));
    }

    [Fact]
    public async Task What_is_missing_or_unknown_is_said()
    {
        await using var host = await ApiHost.StartAsync();
        var (_, key, _) = await host.CreateIntegratorAsync();
        using var missing = await host.SendAsync(HttpMethod.Post, "/integrator/pair-site", key: key);
        Assert.Equal(2, (await missing.ErrorAsync(400)).Errors!.Count);
        using var unknown = await SendAsync(host, key, "ACDE3467", "pair-site");
        await unknown.ErrorAsync(404);
    }

    static async Task<PairingCodeAck> BringAsync(SimulatedLink link, string code, Guid? siteId = null)
    {
        await link.Line.SendAsync(FrameKind.PairingCode, Guid.Empty, new PairingCode(Guid.NewGuid(), siteId ?? link.SiteId, code), ProtocolJson.Default.PairingCode);
        return JsonSerializer.Deserialize((await link.ExpectAsync(FrameKind.PairingCodeAck)).Payload, ProtocolJson.Default.PairingCodeAck)!;
    }

    static async Task<int> PairAsync(ApiHost host, string key, string? code, string route = "pair-site", string practice = "12345", string name = "Best Practice")
    {
        using var response = await SendAsync(host, key, code, route, practice, name);
        return (int)response.StatusCode;
    }

    static async Task<string?> RefusedAsync(ApiHost host, string key, string? code, int status)
    {
        using var response = await SendAsync(host, key, code, "pair-site");
        return (await response.ErrorAsync(status)).Code;
    }

    static Task<HttpResponseMessage> SendAsync(
        ApiHost host, string key, string? code, string route, string practice = "12345", string name = "Best Practice") =>
        host.SendAsync(HttpMethod.Post,
            $"/integrator/{route}?practiceManagementSiteId={practice}&practiceManagementName={Uri.EscapeDataString(name)}{(code is null ? "" : "&pairingCode=" + code)}",
            key: key);
}

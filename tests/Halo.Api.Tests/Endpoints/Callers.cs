using System.Buffers.Text;
using System.Net.Http.Headers;
using System.Text;
using Halo.Api.Integrators;
using Halo.Api.Links;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Halo.Api.Tests.Hosting;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Endpoints;

/// <summary>Somebody who calls, and how he shows who he is.</summary>
sealed record Caller(string Name, Action<HttpRequestHeaders> Shows)
{
    /// <summary>Asks for the site that is not authoritative.</summary>
    public bool AtTheOtherSite { get; init; }
}

/// <summary>Every kind of caller, and the things that the calls are about.</summary>
sealed class Callers : IAsyncDisposable
{
    readonly List<IAsyncDisposable> _links = [];

    public required IReadOnlyList<Caller> All { get; init; }
    public required PairedSite Site { get; init; }
    public required SimulatedLink Other { get; init; }
    public required Claim Claimed { get; init; }

    /// <summary>What operators' calls are about: an integrator, a Link and a site that nobody else needs.</summary>
    public required (Guid Integrator, SimulatedLink Link) Victim { get; init; }

    public static async Task<Callers> CreateAsync(ApiHost host)
    {
        var site = await PairedSite.CreateAsync(host);
        var (_, claim) = await site.QueueAndClaimAsync();
        // Of the same practice, so not authoritative.
        var second = await StartAsync(host, site.Link.PmsId);
        var otherLink = await StartAsync(host, Guid.NewGuid().ToString());
        var revoked = await StartAsync(host, Guid.NewGuid().ToString());
        var victim = await StartAsync(host, Guid.NewGuid().ToString());
        var revokedToken = await revoked.TokenAsync();
        await host.AdminAsync(HttpMethod.Post, $"/admin/v1/links/{revoked.LinkId}/revoke");
        var token = await site.Link.TokenAsync();
        var otherToken = await otherLink.TokenAsync();

        var rotated = await host.CreateIntegratorAsync();
        await host.AdminAsync(HttpMethod.Post, $"/admin/v1/integrators/{rotated.Id}/keys/primary/rotate");
        var disabled = await host.CreateIntegratorAsync();
        await host.AdminAsync(HttpMethod.Patch, $"/admin/v1/integrators/{disabled.Id}", """{ "enabled": false }""");
        var unpaired = await host.CreateIntegratorAsync();
        var victimIntegrator = await host.CreateIntegratorAsync();
        var atOther = await host.CreatePairedAsync(second.SiteId);

        return new Callers
        {
            Site = site,
            Other = second,
            Claimed = claim,
            Victim = (victimIntegrator.Id, victim),
            All =
            [
                new("nobody", _ => { }),
                new("wrong key", Key("Zm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm9vZm8")),
                new("rotated key", Key(rotated.Primary)),
                new("disabled", Key(disabled.Primary)),
                new("unpaired", Key(unpaired.Primary)),
                new("not authoritative", Key(atOther)) { AtTheOtherSite = true },
                new("paired", Key(site.Key)),
                new("wrong admin", h => h.Add("Halo-Admin-Key", "wrong-0123456789abcdef")),
                new("expired token", Bearer(await ExpiredAsync(host, site.Link))),
                new("altered token", Bearer(Altered(token))),
                new("unsigned token", Bearer(Unsigned(token))),
                new("revoked Link", Bearer(revokedToken)),
                new("other Link", Bearer(otherToken)),
                new("Link", Bearer(token)),
                new("admin", h => h.Add("Halo-Admin-Key", ApiHost.AdminKey)),
            ],
            _links = { second, otherLink, revoked, victim },
        };
    }

    public async ValueTask DisposeAsync()
    {
        await Site.DisposeAsync();
        foreach (var link in _links)
            await link.DisposeAsync();
    }

    static async Task<SimulatedLink> StartAsync(ApiHost host, string practice)
    {
        var link = new SimulatedLink(host) { PmsId = practice };
        await link.StartAsync();
        return link;
    }

    static Action<HttpRequestHeaders> Key(string key) => h => h.Add("Ocp-Apim-Subscription-Key", key);

    static Action<HttpRequestHeaders> Bearer(string token) => h => h.Authorization = new("Bearer", token);

    /// <summary>As the service gave it half an hour ago.</summary>
    static async Task<string> ExpiredAsync(ApiHost host, SimulatedLink link)
    {
        var services = host.Services;
        var then = new ManualTime(TimeProvider.System.GetUtcNow() - TimeSpan.FromMinutes(30));
        var signing = await SigningKeys.LoadAsync(services.GetRequiredService<Database>(), services.GetRequiredService<MasterKeys>(), then);
        var nonces = new Nonces(services.GetRequiredService<Database>(), signing, then);
        var tokens = new LinkTokens(services.GetRequiredService<LinkDirectory>(), nonces, signing, then);
        return (await tokens.GrantAsync(link.Assertion(nonces.Create()), [host.Address.ToString().TrimEnd('/')]))!.AccessToken;
    }

    static string Altered(string token)
    {
        var parts = token.Split('.');
        var claims = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(parts[1])).Replace("\"aud\"", "\"aux\":1,\"aud\"", StringComparison.Ordinal);
        return $"{parts[0]}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims))}.{parts[2]}";
    }

    static string Unsigned(string token) => $"{Base64Url.EncodeToString("""{"alg":"none","typ":"JWT"}"""u8)}.{token.Split('.')[1]}.";
}

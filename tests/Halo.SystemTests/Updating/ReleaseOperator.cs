using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace Halo.SystemTests.Updating;

/// <summary>The operator, by whose word Links are updated.</summary>
sealed class ReleaseOperator(HttpClient admin)
{
    public async Task UploadAsync(string bundle)
    {
        using var content = new StreamContent(File.OpenRead(bundle));
        using var response = await admin.PostAsync(At("releases"), content);
        Assert.True(response.StatusCode == HttpStatusCode.Created, await response.Content.ReadAsStringAsync());
    }

    public async Task OfferAsync(string version, string ring, int percentage)
    {
        using var response = await admin.PutAsJsonAsync(At($"releases/{version}/rings/{ring}"), new { percentage });
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
    }

    /// <param name="deed"><c>pause</c>, <c>resume</c> or <c>withdraw</c>.</param>
    public async Task DecideAsync(string version, string deed)
    {
        using var response = await admin.PostAsJsonAsync(At($"releases/{version}/{deed}"), new { reason = "a test" });
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
    }

    public async Task<JsonNode> ReleaseAsync(string version) => (await admin.GetFromJsonAsync<JsonObject>(At($"releases/{version}")))!;

    /// <summary>What it sees of the one Link there is.</summary>
    public async Task<LinkSeen> LinkAsync()
    {
        var link = (await admin.GetFromJsonAsync<JsonObject>(At("links")))!["links"]![0]!;
        var (update, last) = (link["update"]!, link["update"]!["last"]);
        return new(link["version"]!.GetValue<string>(), update["target"]?.GetValue<string>(), update["phase"]?.GetValue<string>(), update["reason"]?.GetValue<string>(),
            last?["outcome"]?.GetValue<string>(), last?["to"]?.GetValue<string>(), last?["message"]?.GetValue<string>());
    }

    public async Task<int> CountAsync(string update) => (await admin.GetFromJsonAsync<JsonObject>(At($"links?update={update}")))!["links"]!.AsArray().Count;

    public async Task<IReadOnlyList<string>> AuditAsync() =>
        [.. (await admin.GetFromJsonAsync<JsonObject>(At("audit?limit=1000")))!["audit"]!.AsArray().Select(a => a!["action"]!.GetValue<string>())];

    static Uri At(string path) => new($"admin/v1/{path}", UriKind.Relative);
}

/// <summary>A Link as the operator sees it.</summary>
sealed record LinkSeen(string Version, string? Target, string? Phase, string? Reason, string? Outcome, string? To, string? Message);

using System.Net.Http.Json;
using System.Text.Json;
using Halo.Api.Operators;
using Halo.Api.Tests.Endpoints;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Admin;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Testing;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Operators;

/// <summary>Operators with names, roles and keys of their own.</summary>
public sealed class OperatorsTests(SharedPostgres postgres)
{
    const string Path = "/admin/v1/operators";

    [Fact]
    public async Task Each_role_gets_as_far_as_the_table_of_routes_says_and_no_further()
    {
        await using var host = await ApiHost.StartAsync();
        var keys = new Dictionary<OperatorRole, string>();
        foreach (var role in Enum.GetValues<OperatorRole>())
            keys[role] = (await MakeAsync(host, $"{role}", role)).Key;
        var wrong = new List<string>();
        foreach (var (route, needed) in RouteMatrix.Roles)
        {
            // Of what is not there nothing can be taken away: who gets in is told 404 at the most.
            var (method, path) = (route.Split(' ')[0], System.Text.RegularExpressions.Regex.Replace(route.Split(' ')[1], "{[a-zA-Z]+}", Guid.Empty.ToString()));
            foreach (var (role, key) in keys)
            {
                using var response = await host.SendAsync(new HttpMethod(method), path, method is "GET" or "DELETE" ? null : "{ \"x\": 1 }", adminKey: key);
                var isIn = (int)response.StatusCode is not (401 or 403);
                if (isIn != role >= needed)
                    wrong.Add($"{role} at {route}, which is for {needed}: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");
            }
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    [Fact]
    public async Task Each_route_that_changes_something_says_for_which_role_it_is()
    {
        await using var host = await ApiHost.StartAsync();
        var unsaid = host.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(e => e.RoutePattern.RawText!.StartsWith("/admin", StringComparison.Ordinal) && e.Metadata.GetMetadata<RequiredRole>() is null
                && e.Metadata.GetMetadata<IHttpMethodMetadata>()!.HttpMethods.Any(m => m != "GET"));
        Assert.Empty(unsaid.Select(e => e.RoutePattern.RawText));
    }

    [Theory, OnBothStores]
    public async Task What_an_operator_does_stands_in_the_audit_log_under_its_name(StoreKind kind)
    {
        await using var host = await StoreHost.StartAsync(kind, postgres);
        var ann = await MakeAsync(host, "Ann", OperatorRole.Operator);
        using var made = await host.SendAsync(HttpMethod.Post, "/admin/v1/integrators", """{ "name": "Recalls" }""", adminKey: ann.Key);
        var id = (await made.Content.ReadFromJsonAsync(AdminJson.Default.NewIntegrator))!.Id;
        using var changed = await host.SendAsync(HttpMethod.Patch, $"/admin/v1/integrators/{id}", """{ "quota": 5 }""", adminKey: ann.Key);
        Assert.Equal(200, (int)changed.StatusCode);

        var audit = (await host.AdminAsync(HttpMethod.Get, "/admin/v1/audit")).Deserialize(AdminJson.Default.AuditEntryList)!.Audit;
        Assert.Equal([("operator", "operator.created"), ("operator:Ann", "integrator.created"), ("operator:Ann", "integrator.changed")], audit.Select(a => (a.Actor, a.Action)));
        Assert.All(audit, a => Assert.NotNull(a.Detail!["address"]));
        Assert.Equal((null, 5), ((int?)audit[2].Detail!["before"]!["quota"], (int?)audit[2].Detail!["after"]!["quota"]));
        Assert.Equal(ann.Id.ToString(), audit[0].Subject);
    }

    [Theory, OnBothStores]
    public async Task A_key_opens_until_it_is_revoked_and_its_last_use_is_known_also_after_a_restart(StoreKind kind)
    {
        var time = new ManualTime();
        await using var store = await RestartableStore.CreateAsync(kind, postgres);
        Guid id;
        string key;
        await using (var host = await ApiHost.StartAsync(time, store.Settings))
        {
            var made = await MakeAsync(host, "Ann", OperatorRole.Viewer);
            (id, key) = (made.Id, made.Key);
            Assert.StartsWith("haloop_", key, StringComparison.Ordinal);
            Assert.Null((await FindAsync(host, id)).LastUsedAt);
            var me = await ReadMeAsync(host, key);
            Assert.Equal(("Ann", OperatorRole.Viewer, null), (me.Name, me.Role, me.ExpiresAt));
            Assert.Equal((null, OperatorRole.Owner), (await ReadMeAsync(host, ApiHost.AdminKey)) is var admin ? (admin.Name, admin.Role) : default);
            var used = time.GetUtcNow();
            Assert.Equal(Millisecond(used), (await FindAsync(host, id)).LastUsedAt);
            // A use within the minute is the same.
            time.Advance(TimeSpan.FromSeconds(59));
            await ReadMeAsync(host, key);
            Assert.Equal(Millisecond(used), Millisecond((await FindAsync(host, id)).LastUsedAt!.Value));
        }
        await using (var host = await ApiHost.StartAsync(time, store.Settings))
        {
            Assert.NotNull((await FindAsync(host, id)).LastUsedFrom);
            await ReadMeAsync(host, key);
            using var revoked = await host.SendAsync(HttpMethod.Delete, $"{Path}/{id}", adminKey: ApiHost.AdminKey);
            Assert.Equal(204, (int)revoked.StatusCode);
            await IsRefusedAsync(host, key, 401, ErrorCodes.KeyInvalid);
            Assert.NotNull((await FindAsync(host, id)).RevokedAt);
            // Revoked again it stays as it was, and the log says it once.
            using var again = await host.SendAsync(HttpMethod.Delete, $"{Path}/{id}", adminKey: ApiHost.AdminKey);
            Assert.Equal(204, (int)again.StatusCode);
            var audit = (await host.AdminAsync(HttpMethod.Get, "/admin/v1/audit")).Deserialize(AdminJson.Default.AuditEntryList)!.Audit;
            Assert.Single(audit, a => a.Action == "operator.revoked");
        }
        await using (var host = await ApiHost.StartAsync(time, store.Settings))
            await IsRefusedAsync(host, key, 401, ErrorCodes.KeyInvalid);
    }

    [Fact]
    public async Task A_key_opens_nothing_from_its_end_on()
    {
        var time = new ManualTime();
        await using var host = await StoreHost.StartAsync(StoreKind.Sqlite, postgres, time);
        var end = time.GetUtcNow().AddMinutes(5);
        var made = await MakeAsync(host, "Ann", OperatorRole.Viewer, end);
        time.Advance(TimeSpan.FromMinutes(5) - TimeSpan.FromMilliseconds(1));
        Assert.Equal(Millisecond(end), Millisecond((await ReadMeAsync(host, made.Key)).ExpiresAt!.Value));
        time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Contains("expired", (await IsRefusedAsync(host, made.Key, 401, ErrorCodes.KeyInvalid)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Names_are_given_once_whatever_their_case_and_operators_are_listed_in_pages()
    {
        await using var host = await ApiHost.StartAsync();
        await MakeAsync(host, "Ann", OperatorRole.Viewer);
        await MakeAsync(host, "Zo\u00eb  Z", OperatorRole.Viewer);
        // In other case, and with other spaces.
        foreach (var name in (string[])[" ANN ", "Zo\u00eb Z", "zo\u00cb z"])
        {
            using var taken = await host.SendAsync(HttpMethod.Post, Path, $$"""{ "name": "{{name}}", "role": "owner" }""", adminKey: ApiHost.AdminKey);
            Assert.Equal(409, (int)taken.StatusCode);
        }
        var bob = await MakeAsync(host, "Bob", OperatorRole.Owner);
        var page = (await host.AdminAsync(HttpMethod.Get, $"{Path}?limit=1")).Deserialize(AdminJson.Default.AdminOperatorList)!;
        Assert.Equal("Ann", Assert.Single(page.Operators).Name);
        page = (await host.AdminAsync(HttpMethod.Get, $"{Path}?limit=1&after={page.Next}")).Deserialize(AdminJson.Default.AdminOperatorList)!;
        page = (await host.AdminAsync(HttpMethod.Get, $"{Path}?limit=1&after={page.Next}")).Deserialize(AdminJson.Default.AdminOperatorList)!;
        Assert.Equal(("Bob", OperatorRole.Owner, "operator", null), Assert.Single(page.Operators) is var b ? (b.Name, b.Role, b.CreatedBy, page.Next) : default);
        // Whom an owner makes bears the owner's name.
        using var made = await host.SendAsync(HttpMethod.Post, Path, """{ "name": "Cy", "role": "support" }""", adminKey: bob.Key);
        var cy = (await made.Content.ReadFromJsonAsync(AdminJson.Default.NewOperator))!;
        Assert.Equal("operator:Bob", (await FindAsync(host, cy.Id)).CreatedBy);
    }

    [Theory]
    [InlineData("{}", "name,role")]
    [InlineData("""{ "name": " ", "role": "owner" }""", "name")]
    [InlineData("""{ "name": "a\u0007", "role": "owner" }""", "name")]
    [InlineData("""{ "name": "An\u200bn", "role": "owner" }""", "name")]
    [InlineData("""{ "name": "Ann\u202e", "role": "owner" }""", "name")]
    [InlineData("""{ "name": "An\u00adn", "role": "owner" }""", "name")]
    [InlineData("""{ "name": "Ann", "role": "owner", "expiresAt": "2020-01-01T00:00:00Z" }""", "expiresAt")]
    [InlineData("""{ "name": "Ann", "role": "owner", "rights": [] }""", "rights")]
    public async Task Every_fault_of_a_new_operator_is_told(string body, string fields)
    {
        await using var host = await ApiHost.StartAsync();
        using var response = await host.SendAsync(HttpMethod.Post, Path, body, adminKey: ApiHost.AdminKey);
        var error = (await response.Content.ReadFromJsonAsync(HaloJson.Default.ErrorResponse))!.Error;
        Assert.Equal((400, fields), ((int)response.StatusCode, string.Join(',', error.Errors!.Select(e => e.Field))));
    }

    [Theory]
    [InlineData("""{ "name": "Bo", "role": "boss" }""", "role: must be one of viewer, support, operator, owner (")]
    [InlineData("""{ "name": "Bo", "role": 3 }""", "role: must be one of viewer, support, operator, owner (")]
    [InlineData("""{ "name": 1, "role": "owner" }""", "name: must be a text (")]
    [InlineData("""{ "name": "Bo", "role": "owner", "expiresAt": "soon" }""", "expiresAt: must be a time, as 2026-11-30T12:00:00Z (")]
    [InlineData("""{ "name": "Bo", """, "body: is not what this call takes (")]
    [InlineData("[]", "body: is not what this call takes (")]
    public async Task What_is_no_JSON_of_an_operator_is_told_with_what_it_must_be(string body, string message)
    {
        await using var host = await ApiHost.StartAsync();
        using var response = await host.SendAsync(HttpMethod.Post, Path, body, adminKey: ApiHost.AdminKey);
        var error = (await response.Content.ReadFromJsonAsync(HaloJson.Default.ErrorResponse))!.Error;
        Assert.Equal(400, (int)response.StatusCode);
        Assert.StartsWith(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(100, 201)]
    [InlineData(101, 400)]
    public async Task A_name_has_at_most_a_hundred_characters(int length, int status)
    {
        await using var host = await ApiHost.StartAsync();
        using var response = await host.SendAsync(HttpMethod.Post, Path, $$"""{ "name": "{{new string('n', length)}}", "role": "viewer" }""", adminKey: ApiHost.AdminKey);
        Assert.Equal(status, (int)response.StatusCode);
    }

    [Fact]
    public async Task There_are_at_most_so_many()
    {
        await using var host = await StoreHost.StartAsync(StoreKind.Sqlite, postgres);
        var registry = host.Services.GetRequiredService<OperatorRegistry>();
        await host.Services.GetRequiredService<Halo.Api.Storage.Database>().WriteAsync(async t =>
        {
            for (var i = 0; i < OperatorRegistry.MaxOperators; i++)
                await Halo.Api.Storage.SqlExtensions.RunAsync(t, "INSERT INTO operators (id, name, name_key, role, key_hash, created_at, created_by) VALUES (@id, @name, @name, 'viewer', @hash, 0, 'operator')",
                    ("id", Guid.CreateVersion7()), ("name", $"n{i}"), ("hash", Guid.NewGuid().ToByteArray().Concat(new byte[16]).ToArray()));
            return 0;
        });
        await host.Services.GetRequiredService<OperatorDirectory>().LoadAsync();
        var one = host.Services.GetRequiredService<OperatorDirectory>().All.First();
        Assert.Equal(CreateOperatorFailure.TooMany, (await registry.CreateAsync("last", OperatorRole.Viewer, null, new(null, null, null))).Failure);
        // One that was revoked does not count.
        await registry.RevokeAsync(one.Id, new(null, null, null));
        Assert.Equal(CreateOperatorFailure.None, (await registry.CreateAsync("last", OperatorRole.Viewer, null, new(null, null, null))).Failure);
        using var full = await host.SendAsync(HttpMethod.Post, Path, """{ "name": "more", "role": "viewer" }""", adminKey: ApiHost.AdminKey);
        Assert.Equal(409, (int)full.StatusCode);
    }

    [Fact]
    public async Task A_key_that_is_revoked_while_its_call_sends_the_body_does_nothing()
    {
        await using var host = await ApiHost.StartAsync();
        var mallory = await MakeAsync(host, "Mallory", OperatorRole.Owner);
        using var begun = new SemaphoreSlim(0);
        using var revoked = new SemaphoreSlim(0);
        using var request = new HttpRequestMessage(HttpMethod.Post, Path) { Content = new SlowBody("""{ "name": "Second", "role": "owner" }""", begun, revoked) };
        request.Headers.Add(AdminKey.Header, mallory.Key);
        var calling = host.Client.SendAsync(request);
        Assert.True(await begun.WaitAsync(Eventually.Limit));
        // It was let in: its use is known.
        await Eventually.BecomesAsync(() => FindAsync(host, mallory.Id), o => o.LastUsedAt is not null);
        using var gone = await host.SendAsync(HttpMethod.Delete, $"{Path}/{mallory.Id}", adminKey: ApiHost.AdminKey);
        Assert.Equal(204, (int)gone.StatusCode);
        revoked.Release();
        using var response = await calling;
        Assert.Equal(401, (int)response.StatusCode);
        var all = (await host.AdminAsync(HttpMethod.Get, Path)).Deserialize(AdminJson.Default.AdminOperatorList)!.Operators;
        Assert.DoesNotContain(all, o => o.Name == "Second");
    }

    [Fact]
    public async Task Who_was_revoked_or_lowered_while_waiting_for_its_turn_changes_no_operator()
    {
        await using var host = await ApiHost.StartAsync();
        var (registry, owner) = (host.Services.GetRequiredService<OperatorRegistry>(), await MakeAsync(host, "Ann", OperatorRole.Owner));
        var deed = new Halo.Api.Storage.OperatorDeed(owner.Id, owner.Name, null);
        Assert.NotNull((await registry.CreateAsync("First", OperatorRole.Viewer, null, deed)).Made);
        await registry.ChangeAsync(owner.Id, OperatorRole.Operator, null, new(null, null, null));
        await Assert.ThrowsAsync<Halo.Api.Errors.RefusedException>(() => registry.CreateAsync("Second", OperatorRole.Owner, null, deed));
        await registry.ChangeAsync(owner.Id, OperatorRole.Owner, null, new(null, null, null));
        await registry.RevokeAsync(owner.Id, new(null, null, null));
        await Assert.ThrowsAsync<Halo.Api.Errors.RefusedException>(() => registry.RotateAsync(owner.Id, deed));
    }

    [Fact]
    public async Task Role_and_end_are_changed_and_a_key_is_replaced()
    {
        await using var host = await ApiHost.StartAsync();
        var ann = await MakeAsync(host, "Ann", OperatorRole.Viewer);
        var end = DateTimeOffset.UtcNow.AddDays(1);
        var changed = (await host.AdminAsync(HttpMethod.Patch, $"{Path}/{ann.Id}", $$"""{ "role": "support", "expiresAt": "{{end:o}}" }""")).Deserialize(AdminJson.Default.AdminOperator)!;
        Assert.Equal((OperatorRole.Support, Millisecond(end)), (changed.Role, Millisecond(changed.ExpiresAt!.Value)));
        Assert.Equal(OperatorRole.Support, (await ReadMeAsync(host, ann.Key)).Role);
        var key = (await host.AdminAsync(HttpMethod.Post, $"{Path}/{ann.Id}/rotate")).Deserialize(AdminJson.Default.RotatedKey)!.Key;
        await IsRefusedAsync(host, ann.Key, 401, ErrorCodes.KeyInvalid);
        Assert.Equal(ann.Id, (await ReadMeAsync(host, key)).Id);
        var audit = (await host.AdminAsync(HttpMethod.Get, "/admin/v1/audit")).Deserialize(AdminJson.Default.AuditEntryList)!.Audit;
        Assert.Equal(("viewer", "support"), ((string?)audit.Single(a => a.Action == "operator.changed").Detail!["before"]!["role"], (string?)audit.Single(a => a.Action == "operator.changed").Detail!["after"]!["role"]));
        Assert.DoesNotContain(key, JsonSerializer.Serialize(new AuditEntryList(audit, null), AdminJson.Default.AuditEntryList), StringComparison.Ordinal);
        using var past = await host.SendAsync(HttpMethod.Patch, $"{Path}/{ann.Id}", """{ "expiresAt": "2020-01-01T00:00:00Z" }""", adminKey: ApiHost.AdminKey);
        Assert.Equal(400, (int)past.StatusCode);
    }

    [Theory]
    [InlineData("POST", "/admin/v1/nowhere", 404)]
    [InlineData("POST", "/admin/v1/audit", 405)]
    [InlineData("POST", "/admin/v1/integrators", 415)]
    public async Task What_is_no_route_is_told_so_whatever_the_role(string method, string path, int status)
    {
        await using var host = await ApiHost.StartAsync();
        var viewer = await MakeAsync(host, "Ann", OperatorRole.Viewer);
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = new StringContent("name=x", System.Text.Encoding.UTF8, "application/x-www-form-urlencoded") };
        request.Headers.Add(AdminKey.Header, viewer.Key);
        using var response = await host.Client.SendAsync(request);
        Assert.Equal(status, (int)response.StatusCode);
    }

    [Fact]
    public async Task Support_puts_a_Link_into_a_ring_and_gives_it_no_version_of_its_own()
    {
        await using var host = await ApiHost.StartAsync();
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        var support = await MakeAsync(host, "Ann", OperatorRole.Support);
        using var ring = await host.SendAsync(HttpMethod.Put, $"/admin/v1/links/{link.LinkId}/update", """{ "ring": "canary" }""", adminKey: support.Key);
        Assert.Equal(200, (int)ring.StatusCode);
        await host.Services.GetRequiredService<Halo.Api.Links.Updating.LinkRollouts>().SetAsync(link.LinkId, Halo.Api.Links.Updating.Ring.Canary, "26.1.1", new(null, null, null));
        using var pin = await host.SendAsync(HttpMethod.Put, $"/admin/v1/links/{link.LinkId}/update", """{ "ring": "canary" }""", adminKey: support.Key);
        Assert.Equal(403, (int)pin.StatusCode);
    }

    [Fact]
    public async Task Metrics_are_for_every_operator_and_for_no_revoked_one()
    {
        await using var host = await ApiHost.StartAsync();
        var made = await MakeAsync(host, "Scraper", OperatorRole.Viewer);
        using var open = await host.SendAsync(HttpMethod.Get, "/metrics", adminKey: made.Key);
        Assert.Equal(200, (int)open.StatusCode);
        Assert.NotNull((await FindAsync(host, made.Id)).LastUsedAt);
        using var revoked = await host.SendAsync(HttpMethod.Delete, $"{Path}/{made.Id}", adminKey: ApiHost.AdminKey);
        using var shut = await host.SendAsync(HttpMethod.Get, "/metrics", adminKey: made.Key);
        Assert.Equal(401, (int)shut.StatusCode);
    }

    static DateTimeOffset Millisecond(DateTimeOffset at) => DateTimeOffset.FromUnixTimeMilliseconds(at.ToUnixTimeMilliseconds());

    static async Task<NewOperator> MakeAsync(ApiHost host, string name, OperatorRole role, DateTimeOffset? expiresAt = null)
    {
        using var response = await host.SendAsync(HttpMethod.Post, Path,
            JsonSerializer.Serialize(new CreateOperatorRequest(name, role, expiresAt), AdminJson.Default.CreateOperatorRequest), adminKey: ApiHost.AdminKey);
        Assert.Equal(201, (int)response.StatusCode);
        return (await response.Content.ReadFromJsonAsync(AdminJson.Default.NewOperator))!;
    }

    static async Task<AdminOperator> FindAsync(ApiHost host, Guid id) => (await host.AdminAsync(HttpMethod.Get, $"{Path}/{id}")).Deserialize(AdminJson.Default.AdminOperator)!;

    static async Task<CurrentOperator> ReadMeAsync(ApiHost host, string key)
    {
        using var response = await host.SendAsync(HttpMethod.Get, "/admin/v1/me", adminKey: key);
        Assert.Equal(200, (int)response.StatusCode);
        return (await response.Content.ReadFromJsonAsync(AdminJson.Default.CurrentOperator))!;
    }

    static async Task<ApiError> IsRefusedAsync(ApiHost host, string key, int status, string code)
    {
        using var response = await host.SendAsync(HttpMethod.Get, "/admin/v1/me", adminKey: key);
        var error = (await response.Content.ReadFromJsonAsync(HaloJson.Default.ErrorResponse))!.Error;
        Assert.Equal((status, code), ((int)response.StatusCode, error.Code));
        return error;
    }

    /// <summary>A body whose end waits.</summary>
    sealed class SlowBody(string json, SemaphoreSlim begun, SemaphoreSlim go) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, System.Net.TransportContext? context)
        {
            await stream.WriteAsync(System.Text.Encoding.UTF8.GetBytes(json[..^1]));
            await stream.FlushAsync();
            begun.Release();
            await go.WaitAsync(Eventually.Limit);
            await stream.WriteAsync(System.Text.Encoding.UTF8.GetBytes(json[^1..]));
        }

        protected override bool TryComputeLength(out long length)
        {
            (length, Headers.ContentType) = (System.Text.Encoding.UTF8.GetByteCount(json), new("application/json"));
            return true;
        }
    }
}

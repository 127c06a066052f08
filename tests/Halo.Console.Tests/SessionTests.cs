using System.Net;
using Halo.Api.Tests.Hosting;
using Halo.Console.Tests.Driving;
using Halo.Contracts.Admin;
using Halo.Testing;

namespace Halo.Console.Tests;

/// <summary>A session begins with a key, and ends by itself, by signing out, and with its key.</summary>
public sealed class SessionTests
{
    [Fact]
    public async Task Who_has_no_session_is_asked_to_sign_in_and_comes_to_the_page_that_was_wanted()
    {
        await using var host = await ConsoleHost.StartAsync();
        using var client = new ConsoleClient(host);
        using var refused = await client.GetAsync("/console/sites?search=a%26b");
        Assert.Equal((HttpStatusCode.SeeOther, "/console/sign-in?to=%2Fconsole%2Fsites%3Fsearch%3Da%2526b"), (refused.StatusCode, refused.Headers.Location!.ToString()));
        using var signedIn = await client.PostAsync("/console/sign-in", new() { ["key"] = ApiHost.AdminKey, ["to"] = "/console/sites?search=a%26b" });
        Assert.Equal((HttpStatusCode.SeeOther, "/console/sites?search=a%26b"), (signedIn.StatusCode, signedIn.Headers.Location!.ToString()));
    }

    [Theory]
    [InlineData("https://evil.example/")]
    [InlineData("//evil.example/console")]
    [InlineData("/console\\..\\..\\evil")]
    [InlineData("/consoleevil")]
    [InlineData("/admin/v1/me")]
    [InlineData("/console/sign-in?to=/console")]
    public async Task Signing_in_leads_to_the_console_alone(string to)
    {
        await using var host = await ConsoleHost.StartAsync();
        using var client = new ConsoleClient(host);
        using var response = await client.PostAsync("/console/sign-in", new() { ["key"] = ApiHost.AdminKey, ["to"] = to });
        Assert.Equal((HttpStatusCode.SeeOther, "/console"), (response.StatusCode, response.Headers.Location!.ToString()));
    }

    [Fact]
    public async Task Signing_in_makes_a_new_session_whatever_the_browser_had_before()
    {
        await using var host = await ConsoleHost.StartAsync();
        using var first = await ConsoleClient.SignInAsync(host);
        var planted = first.Token!;
        using var client = new ConsoleClient(host) { Token = "A-token-that-somebody-put-into-this-browser0" };
        using var made = await client.PostAsync("/console/sign-in", new() { ["key"] = ApiHost.AdminKey });
        Assert.NotEqual("A-token-that-somebody-put-into-this-browser0", client.Token);
        Assert.Equal(43, client.Token!.Length);

        // One of another's that is valid: it ends, and does not become this operator's.
        client.Token = planted;
        using var again = await client.PostAsync("/console/sign-in", new() { ["key"] = ApiHost.AdminKey });
        Assert.NotEqual(planted, client.Token);
        Assert.False(await IsInAsync(first));
        Assert.True(await IsInAsync(client));

        // Whoever was in before, whatever its role and whether or not its key works still.
        foreach (var role in Enum.GetValues<OperatorRole>())
        {
            var (id, key) = await host.MakeOperatorAsync($"{role}", role);
            using var browser = await ConsoleClient.SignInAsync(host, key);
            var before = browser.Token!;
            using (var next = await browser.PostAsync("/console/sign-in", new() { ["key"] = key }))
                Assert.Equal(303, (int)next.StatusCode);
            using var old = new ConsoleClient(host) { Token = before };
            Assert.False(await IsInAsync(old));
            using var revoked = await host.SendAsync(HttpMethod.Delete, $"/admin/v1/operators/{id}", adminKey: ApiHost.AdminKey);
            using (var next = await browser.PostAsync("/console/sign-in", new() { ["key"] = ApiHost.AdminKey }))
                Assert.Equal(303, (int)next.StatusCode);
            Assert.True(await IsInAsync(browser));
        }
    }

    [Fact]
    public async Task An_operator_has_so_many_sessions_and_a_new_one_ends_the_oldest()
    {
        var time = new ManualTime();
        await using var host = await ConsoleHost.StartAsync(time);
        var (_, key) = await host.MakeOperatorAsync("Ann", OperatorRole.Viewer);
        using var admin = await ConsoleClient.SignInAsync(host);
        var all = new List<ConsoleClient>();
        for (var i = 0; i < 21; i++)
        {
            time.Advance(TimeSpan.FromMilliseconds(1));
            all.Add(await ConsoleClient.SignInAsync(host, key));
            Assert.Equal(i < 20, await IsInAsync(all[0]));
        }
        foreach (var client in all[1..])
            Assert.True(await IsInAsync(client));
        Assert.True(await IsInAsync(admin));
        all.ForEach(c => c.Dispose());
    }

    [Fact]
    public async Task Errors_are_pages()
    {
        await using var host = await ConsoleHost.StartAsync();
        using var client = await ConsoleClient.SignInAsync(host, (await host.MakeOperatorAsync("Ann", OperatorRole.Viewer)).Key);
        foreach (var (method, path, status) in new (string, string, int)[] { ("DELETE", "/console/sites", 405), ("GET", "/console/nowhere", 404), ("GET", "/console/sign-in?to=/console/%C3%A9", 303) })
        {
            using var answer = method == "GET" ? await client.GetAsync(path) : await client.DeleteAsync(path);
            Assert.Equal((status, true), ((int)answer.StatusCode, status == 303 || answer.Content.Headers.ContentType!.MediaType == "text/html"));
        }
        using var overHttps = await client.PostAsync("/console/sign-in", new() { ["key"] = ApiHost.AdminKey }, "https://halo.example");
        Assert.Equal(400, (int)overHttps.StatusCode);
        Assert.Contains("TrustedProxies", await overHttps.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_that_nobody_was_given_opens_nothing()
    {
        await using var host = await ConsoleHost.StartAsync();
        foreach (var token in (string[])["", "x", new('A', 43), new('A', 4000)])
        {
            using var client = new ConsoleClient(host) { Token = token };
            Assert.False(await IsInAsync(client));
        }
    }

    [Fact]
    public async Task Signing_out_ends_it_also_for_who_has_a_copy_of_the_cookie()
    {
        await using var host = await ConsoleHost.StartAsync();
        using var client = await ConsoleClient.SignInAsync(host);
        using var copy = new ConsoleClient(host) { Token = client.Token };
        Assert.True(await IsInAsync(copy));
        using var response = await client.SubmitAsync("/console/sign-out");
        Assert.Equal("/console/sign-in", response.Headers.Location!.ToString());
        Assert.Null(client.Token);
        Assert.False(await IsInAsync(copy));
    }

    [Theory]
    [InlineData("rotate")]
    [InlineData("revoke")]
    [InlineData("expire")]
    public async Task It_ends_with_the_key_it_began_with(string how)
    {
        var time = new ManualTime(TimeProvider.System.GetUtcNow());
        await using var host = await ConsoleHost.StartAsync(time);
        var (id, key) = await host.MakeOperatorAsync("Ann", OperatorRole.Owner, time.GetUtcNow().AddMinutes(10));
        using var client = await ConsoleClient.SignInAsync(host, key);
        Assert.True(await IsInAsync(client));
        if (how == "rotate")
            await host.AdminAsync(HttpMethod.Post, $"/admin/v1/operators/{id}/rotate");
        else if (how == "revoke")
            Assert.Equal(204, (int)(await host.SendAsync(HttpMethod.Delete, $"/admin/v1/operators/{id}", adminKey: ApiHost.AdminKey)).StatusCode);
        else
            time.Advance(TimeSpan.FromMinutes(11));
        Assert.False(await IsInAsync(client));
    }

    [Fact]
    public async Task It_ends_after_half_an_hour_without_use_and_after_twelve_hours_in_any_case()
    {
        var time = new ManualTime(TimeProvider.System.GetUtcNow());
        await using var host = await ConsoleHost.StartAsync(time);
        using var idle = await ConsoleClient.SignInAsync(host);
        using var busy = await ConsoleClient.SignInAsync(host);
        time.Advance(TimeSpan.FromMinutes(29));
        Assert.True(await IsInAsync(busy));
        await SeenAsync(host, busy);
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.False(await IsInAsync(idle));
        for (var at = TimeSpan.FromMinutes(30); at < TimeSpan.FromHours(12); at += TimeSpan.FromMinutes(25))
        {
            Assert.True(await IsInAsync(busy), $"after {at}");
            await SeenAsync(host, busy);
            time.Advance(TimeSpan.FromMinutes(25));
        }
        Assert.False(await IsInAsync(busy));
    }

    [Fact]
    public async Task Wrong_keys_are_counted_with_those_of_the_admin_API_and_the_right_one_passes()
    {
        await using var host = await ConsoleHost.StartAsync();
        using var client = new ConsoleClient(host);
        for (var i = 0; i < 10; i++)
        {
            using var wrong = await client.PostAsync("/console/sign-in", new() { ["key"] = $"haloop_wrong{i}" });
            Assert.Equal(HttpStatusCode.Unauthorized, wrong.StatusCode);
        }
        using var tooMany = await client.PostAsync("/console/sign-in", new() { ["key"] = "haloop_wrong" });
        Assert.Equal(HttpStatusCode.TooManyRequests, tooMany.StatusCode);
        using var ofApi = await host.SendAsync(HttpMethod.Get, "/admin/v1/me", adminKey: "haloop_wrong");
        Assert.Equal(HttpStatusCode.TooManyRequests, ofApi.StatusCode);
        Assert.Null(client.Token);
        using var right = await client.PostAsync("/console/sign-in", new() { ["key"] = ApiHost.AdminKey });
        Assert.Equal(HttpStatusCode.SeeOther, right.StatusCode);
    }

    [Fact]
    public async Task An_expired_or_empty_key_is_told_what_it_is()
    {
        var time = new ManualTime(TimeProvider.System.GetUtcNow());
        await using var host = await ConsoleHost.StartAsync(time);
        var (_, key) = await host.MakeOperatorAsync("Ann", OperatorRole.Owner, time.GetUtcNow().AddMinutes(10));
        time.Advance(TimeSpan.FromMinutes(11));
        using var client = new ConsoleClient(host);
        foreach (var (given, status, text) in new[] { (key, 401, "This key expired"), ("", 400, "Enter your key"), ("  ", 400, "Enter your key") })
        {
            using var response = await client.PostAsync("/console/sign-in", new() { ["key"] = given });
            Assert.Equal(status, (int)response.StatusCode);
            Assert.Contains(text, await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("http", "halo-console=", false)]
    [InlineData("https", "__Host-halo-console=", true)]
    public async Task No_script_and_no_other_site_gets_the_cookie(string scheme, string name, bool secure)
    {
        await using var host = await ConsoleHost.StartAsync("Halo:TrustedProxies=127.0.0.1");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/console/sign-in") { Content = new FormUrlEncodedContent([new("key", ApiHost.AdminKey)]) };
        request.Headers.Add("Origin", $"{scheme}://halo.example");
        request.Headers.Host = "halo.example";
        request.Headers.Add("X-Forwarded-Proto", scheme);
        request.Headers.Add("X-Forwarded-For", "127.0.0.1");
        using var handler = new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false };
        using var client = new HttpClient(handler) { BaseAddress = host.Address };
        using var response = await client.SendAsync(request);
        var parts = Assert.Single(response.Headers.GetValues("Set-Cookie")).Split("; ");
        Assert.StartsWith(name, parts[0], StringComparison.Ordinal);
        Assert.Equal(secure ? ["path=/", "secure", "samesite=strict", "httponly"] : ["path=/", "samesite=strict", "httponly"], parts[1..]);
    }

    [Fact]
    public async Task What_is_done_stands_in_the_audit_log_under_the_operators_name()
    {
        await using var host = await ConsoleHost.StartAsync();
        var (id, key) = await host.MakeOperatorAsync("Ann", OperatorRole.Operator);
        using var client = await ConsoleClient.SignInAsync(host, key);
        using var made = await client.SubmitAsync("/console/integrators/new", new() { ["name"] = "Recalls" });
        Assert.Equal(200, (int)made.StatusCode);
        using var left = await client.SubmitAsync("/console/sign-out");
        var audit = (await host.AdminAsync(HttpMethod.Get, "/admin/v1/audit")).GetProperty("audit").EnumerateArray().ToList();
        Assert.Equal(["operator.created", "console.signed-in", "integrator.created", "console.signed-out"], audit.Select(a => a.GetProperty("action").GetString()));
        Assert.All(audit[1..], a => Assert.Equal(("operator:Ann", id, "127.0.0.1"),
            (a.GetProperty("actor").GetString(), a.GetProperty("detail").GetProperty("operatorId").GetGuid(), a.GetProperty("detail").GetProperty("address").GetString())));
    }

    [Fact]
    public async Task Without_the_setting_there_is_no_console()
    {
        await using var host = await ApiHost.StartAsync();
        foreach (var path in (string[])["/console", "/console/sign-in", "/console/assets/console.css"])
        {
            using var response = await host.Client.GetAsync(path);
            Assert.Equal(404, (int)response.StatusCode);
        }
    }

    /// <summary>Waits until its last use is stored: that goes with the next group commit.</summary>
    static Task SeenAsync(ApiHost host, ConsoleClient client) => Until.TrueAsync(() => Sessions.IsSeenNowAsync(host, client.Token!));

    static async Task<bool> IsInAsync(ConsoleClient client)
    {
        using var response = await client.GetAsync("/console/profile");
        return response.StatusCode == HttpStatusCode.OK;
    }
}

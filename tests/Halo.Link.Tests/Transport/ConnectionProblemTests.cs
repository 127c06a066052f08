using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Halo.Link.Settings;
using Halo.Link.Status;
using Halo.Link.Tests.Session;
using Halo.Link.Transport;
using Halo.Testing;

namespace Halo.Link.Tests.Transport;

/// <summary>Whatever keeps a Link from its API: log and status say in one sentence what it is and what to do.</summary>
public class ConnectionProblemTests
{
    [Fact]
    public Task A_refused_connection() => AssertSaysAsync($"http://127.0.0.1:{ScriptedServer.DeadPort()}", null, "The API at 127.0.0.1:", "refuses connections");

    [Fact]
    public Task A_name_that_does_not_resolve() => AssertSaysAsync("https://no-such-host.invalid", null, "The name no-such-host.invalid does not resolve", "setting api");

    [Fact]
    public async Task Https_to_a_port_for_http()
    {
        await using var api = await TestApi.StartAsync();
        await AssertSaysAsync(api.Address.Replace("http:", "https:", StringComparison.Ordinal), null, "does not speak TLS", "port for plain http", "setting api");
    }

    [Fact]
    public async Task Http_to_a_port_for_https()
    {
        await using var server = new ScriptedServer("", Certificate(-1, 1));
        await AssertSaysAsync($"http://127.0.0.1:{server.Port}", null, "does not speak plain HTTP", "port for https", "setting api");
    }

    [Theory]
    [InlineData(-20, -10, "has expired on", "this machine's clock says")]
    [InlineData(1, 10, "is valid from", "set the clock")]
    [InlineData(-1, 1, "which this machine does not trust", "install the certificate")]
    public async Task A_certificate_that_is_not_accepted(int from, int to, params string[] words)
    {
        await using var server = new ScriptedServer("", Certificate(from, to));
        await AssertSaysAsync($"https://127.0.0.1:{server.Port}", null, words);
    }

    [Fact]
    public void A_certificate_for_another_name()
    {
        var check = new CertificateCheck(TimeProvider.System);
        using var certificate = Certificate(-1, 1);
        Assert.False(check.Accept(this, certificate, null, System.Net.Security.SslPolicyErrors.RemoteCertificateNameMismatch));
        Assert.Contains("is for other.example: check the name in the setting api", check.Fault, StringComparison.Ordinal);
        Assert.True(check.Accept(this, certificate, null, System.Net.Security.SslPolicyErrors.None));
        Assert.Null(check.Fault);
    }

    [Fact]
    public Task A_dead_proxy() => AssertSaysAsync("https://halo.example", Proxy(ScriptedServer.DeadPort()), "The proxy 127.0.0.1:", "refuses connections", "proxy.address");

    [Fact]
    public Task A_proxy_whose_name_does_not_resolve() =>
        AssertSaysAsync("https://halo.example", new() { Address = new("http://no-such-proxy.invalid:3128") }, "The name of the proxy, no-such-proxy.invalid, does not resolve", "proxy.address");

    [Theory]
    [InlineData("407 Proxy Authentication Required", false, "asks who is there (407)", "proxy.user and proxy.password")]
    [InlineData("407 Proxy Authentication Required", true, "does not accept the user and password", "proxy.user and proxy.password")]
    [InlineData("403 Forbidden", false, "does not let this machine connect to halo.example:443 (403)")]
    [InlineData("502 Bad Gateway", false, "could not connect to halo.example:443 (502)")]
    public async Task A_proxy_that_opens_no_way_over_https(string status, bool withUser, params string[] words)
    {
        await using var proxy = new ScriptedServer($"HTTP/1.1 {status}\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        await AssertSaysAsync("https://halo.example", Proxy(proxy.Port) with { User = withUser ? "u" : null, Password = withUser ? "hunter2" : null }, ["The proxy 127.0.0.1:", .. words]);
    }

    [Theory]
    [InlineData("407 Proxy Authentication Required", "The proxy on the way asks who is there (HTTP 407", "proxy.user")]
    [InlineData("403 Forbidden", "Not the Halo API has answered", "HTTP 403 Forbidden")]
    [InlineData("401 Unauthorized", "Not the Halo API has answered", "HTTP 401")]
    [InlineData("302 Found", "Not the Halo API has answered", "HTTP 302")]
    [InlineData("200 OK", "Not the Halo API has answered", "a page")]
    public async Task A_proxys_own_answer_over_http_is_told_as_its_own(string status, params string[] words)
    {
        await using var proxy = new ScriptedServer($"HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>");
        await AssertSaysAsync("http://127.0.0.1:9", Proxy(proxy.Port), words);
    }

    [Fact]
    public async Task A_proxys_refusal_of_an_enrolled_Link_does_not_make_it_enrol_again()
    {
        await using var api = await TestApi.StartAsync();
        var calls = 0;
        api.OnToken = _ => Interlocked.Increment(ref calls) is 1 or 2 ? Microsoft.AspNetCore.Http.Results.Content("<html>", "text/html", null, 403) : null;
        await using var link = new RunningLink(api.Address).Start();
        var session = await api.NextSessionAsync();
        await session.WelcomeAsync();
        Assert.Equal(1, api.EnrolCalls);
        Assert.Contains("Not the Halo API", Assert.Single(link.Log.Of(2021)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_gateway_that_carries_no_WebSockets()
    {
        await using var api = await TestApi.StartAsync();
        api.SocketStatus = 502;
        await AssertSaysAsync(api.Address, null, "Calls reach the API, and the session's WebSocket does not: HTTP 502", "let them through");
    }

    [Theory]
    [InlineData(null, "the setting enrolmentToken is missing")]
    [InlineData("spent", "Write a fresh token")]
    public async Task An_API_that_asks_for_an_enrolment_token(string? token, string words)
    {
        await using var api = await TestApi.StartAsync();
        api.OnEnrol = _ => TestApi.Refuse(401, "The enrolment token is missing or spent.", "EnrolmentTokenInvalid");
        await AssertSaysAsync(api.Address, null, [words], token);
    }

    [Theory]
    [InlineData(-3, "clock is 3 h 0 min ahead of that of the Halo API")]
    [InlineData(3, "clock is 2 h 59 min behind that of the Halo API")]
    public async Task A_clock_that_is_three_hours_off(int hours, string words)
    {
        await using var api = await TestApi.StartAsync();
        api.ClockShift = TimeSpan.FromHours(hours);
        await using var link = new RunningLink(api.Address).Start();
        await (await api.NextSessionAsync()).WelcomeAsync();
        Assert.Contains(words, Assert.Single(link.Log.Of(2045)), StringComparison.Ordinal);
        Assert.Contains((await StatusAsync(link)).Warnings, w => w.Contains(words, StringComparison.Ordinal));
    }

    static Task AssertSaysAsync(string api, ProxySettings? proxy, params string[] words) => AssertSaysAsync(api, proxy, words, null);

    static async Task AssertSaysAsync(string api, ProxySettings? proxy, string[] words, string? token)
    {
        await using var link = new RunningLink("http://127.0.0.1:9", s => s with
        {
            Api = new(api),
            Proxy = proxy,
            EnrolmentToken = token,
            Connection = new() { FirstWait = TimeSpan.FromMilliseconds(10), LongestWait = TimeSpan.FromMilliseconds(50), CallWithin = TimeSpan.FromSeconds(30) },
        }).Start();
        var said = (await Eventually.BecomesAsync(() => Task.FromResult(link.Log.Of(2021)), lines => lines.Count > 0))[0];
        var status = await Eventually.BecomesAsync(() => StatusAsync(link), s => s.LastError is not null);
        Assert.False(status.Connected);
        foreach (var word in words)
        {
            Assert.Contains(word, said, StringComparison.Ordinal);
            Assert.Contains(word, status.LastError!.Message, StringComparison.Ordinal);
        }
        Assert.DoesNotContain("hunter2", link.Log.All, StringComparison.Ordinal);
    }

    static async Task<StatusReport> StatusAsync(RunningLink link) => (await Eventually.BecomesAsync(
        () => StatusServer.AskAsync(link.Settings.DataDirectory, TestContext.Current.CancellationToken), s => s is not null))!;

    static ProxySettings Proxy(int port) => new() { Address = new($"http://127.0.0.1:{port}") };

    static X509Certificate2 Certificate(int fromDays, int toDays)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Test Authority", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("other.example");
        request.CertificateExtensions.Add(names.Build());
        var now = TimeProvider.System.GetUtcNow();
        using var made = request.CreateSelfSigned(now.AddDays(fromDays), now.AddDays(toDays));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }
}

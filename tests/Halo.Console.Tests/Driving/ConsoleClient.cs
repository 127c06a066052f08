using System.Net;
using System.Text.RegularExpressions;
using Halo.Api.Tests.Hosting;

namespace Halo.Console.Tests.Driving;

/// <summary>Uses the console as a browser does, without one: keeps the cookie, takes form tokens from pages, says where a form comes from.</summary>
public sealed partial class ConsoleClient : IDisposable
{
    public const string Cookie = "halo-console";

    readonly ApiHost _host;
    readonly CookieContainer _cookies = new();
    readonly HttpClient _client;

    public ConsoleClient(ApiHost host)
    {
        _host = host;
        _client = new(new SocketsHttpHandler { CookieContainer = _cookies, AllowAutoRedirect = false }) { BaseAddress = host.Address };
    }

    /// <summary>The cookie's value; null: the browser has none.</summary>
    public string? Token
    {
        get => _cookies.GetCookies(_host.Address)[Cookie]?.Value;
        set => _cookies.Add(_host.Address, new Cookie(Cookie, value) { Path = "/" });
    }

    /// <summary>Signed in.</summary>
    public static async Task<ConsoleClient> SignInAsync(ApiHost host, string key = ApiHost.AdminKey)
    {
        var client = new ConsoleClient(host);
        using var response = await client.PostAsync("/console/sign-in", new() { ["key"] = key });
        Assert.Equal((HttpStatusCode.SeeOther, "/console"), (response.StatusCode, response.Headers.Location?.ToString()));
        return client;
    }

    public Task<HttpResponseMessage> GetAsync(string path) => _client.GetAsync(path);

    public Task<HttpResponseMessage> DeleteAsync(string path) => _client.DeleteAsync(path);

    /// <summary>A page, which has to be there.</summary>
    public async Task<string> PageAsync(string path)
    {
        using var response = await GetAsync(path);
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(response.StatusCode == HttpStatusCode.OK, $"{path} answered {(int)response.StatusCode}: {text}");
        return text;
    }

    /// <summary>Sends a form with the token of the session, as the console's own pages do.</summary>
    public async Task<HttpResponseMessage> SubmitAsync(string path, Dictionary<string, string>? fields = null) =>
        await PostAsync(path, new(fields ?? []) { ["_form"] = await FormTokenAsync() });

    /// <summary>Sends the form of a page with these fields, and with those that the page itself carries.</summary>
    public async Task<HttpResponseMessage> SaveAsync(string path, Dictionary<string, string> fields) =>
        await SubmitAsync(path, new(fields) { ["_was"] = Mark().Match(await PageAsync(path)).Groups[1].Value });

    /// <summary>What forms of this session carry.</summary>
    public async Task<string> FormTokenAsync() => FormToken().Match(await PageAsync("/console/profile")).Groups[1].Value;

    /// <param name="from">What the browser says of where the form was; null: nothing.</param>
    public async Task<HttpResponseMessage> PostAsync(string path, Dictionary<string, string> fields, string? from = "", string? site = "same-origin")
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new FormUrlEncodedContent(fields) };
        if (from is not null)
            request.Headers.Add("Origin", from.Length == 0 ? _host.Address.GetLeftPart(UriPartial.Authority) : from);
        if (site is not null)
            request.Headers.Add("Sec-Fetch-Site", site);
        return await _client.SendAsync(request);
    }

    public void Dispose() => _client.Dispose();

    [GeneratedRegex("name=\"_was\" value=\"([^\"]+)\"")]
    private static partial Regex Mark();

    [GeneratedRegex("name=\"_form\" value=\"([^\"]+)\"")]
    private static partial Regex FormToken();
}

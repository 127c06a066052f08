using Halo.Api.Operators.Sessions;

namespace Halo.Api.Console.Gate;

/// <summary>Where a browser keeps its session's token: no script reads it, no other site sends it, and over HTTPS no other host can set it.</summary>
static class ConsoleCookie
{
    /// <summary>A browser takes a name with this prefix from the host itself alone, and with <c>Secure</c>.</summary>
    const string OverHttps = "__Host-halo-console";

    /// <summary>On loopback without TLS.</summary>
    const string OverHttp = "halo-console";

    public static string? Read(HttpContext http) => http.Request.Cookies[NameFor(http)];

    public static void Write(HttpContext http, ConsoleSession session) => http.Response.Cookies.Append(NameFor(http), session.Token, OptionsFor(http));

    public static void Remove(HttpContext http) => http.Response.Cookies.Delete(NameFor(http), OptionsFor(http));

    static string NameFor(HttpContext http) => http.Request.IsHttps ? OverHttps : OverHttp;

    static CookieOptions OptionsFor(HttpContext http) => new() { HttpOnly = true, Secure = http.Request.IsHttps, SameSite = SameSiteMode.Strict, Path = "/" };
}

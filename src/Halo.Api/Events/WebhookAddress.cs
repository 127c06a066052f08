using System.Net;
using Halo.Contracts.Events;

namespace Halo.Api.Events;

/// <summary>The address of a webhook, with places for what an event is about.</summary>
static class WebhookAddress
{
    /// <summary>Characters.</summary>
    public const int Longest = 2000;

    const string Site = "{siteId}", Query = "{queryId}", Source = "{source}";

    /// <summary>What is wrong with one; null: nothing.</summary>
    public static string? FaultOf(string url, AddressGuard guard)
    {
        if (url.Length > Longest || url.Any(c => char.IsControl(c) || char.IsWhiteSpace(c)))
            return $"must have at most {Longest} characters, and no spaces.";
        if (!Uri.TryCreate(Fill(url, Guid.Empty.ToString(), Guid.Empty.ToString(), "async"), UriKind.Absolute, out var uri) || uri.Host.Length == 0)
            return "must be an absolute address, as https://example.com/halo.";
        var host = url.IndexOf("://", StringComparison.Ordinal) + 3;
        var behind = url.AsSpan(host).IndexOfAny('/', '?', '#') is var end and >= 0 ? host + end : url.Length;
        if (url.IndexOf('{') is var first and >= 0 && first < behind)
            return "may have {siteId}, {queryId} and {source} only behind the host.";
        if (Fill(url, "", "", "").IndexOfAny(['{', '}']) >= 0)
            return "may have {siteId}, {queryId} and {source} in it, and no other braces.";
        if (uri.UserInfo.Length > 0 || uri.Fragment.Length > 0)
            return "must have no user name, password or fragment; use a path or query that only you know, and check the signature.";
        if (uri.Scheme != Uri.UriSchemeHttps && !(uri.Scheme == Uri.UriSchemeHttp && uri.IsLoopback && guard.AllowsLoopback))
            return "must begin with https://.";
        return IPAddress.TryParse(uri.IdnHost.Trim('[', ']'), out var address) && !guard.Allows(address) ? "must not lead to a private, loopback or reserved address." : null;
    }

    /// <summary>The address for one event.</summary>
    public static Uri Fill(string url, HaloEvent told) => new(Fill(url, told.SiteId?.ToString() ?? "", told.Data.QueryId?.ToString() ?? "", told.Data.Source ?? ""));

    static string Fill(string url, string site, string query, string source) =>
        url.Replace(Site, site, StringComparison.Ordinal).Replace(Query, query, StringComparison.Ordinal).Replace(Source, source, StringComparison.Ordinal);
}

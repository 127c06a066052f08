using System.Collections.Concurrent;
using System.Net;
using Halo.Api.Basics;
using Halo.Contracts.Admin;

namespace Halo.Api.Operators;

/// <summary>Says in the service's log which calls of operators' routes were refused, and that the admin key is in use: each once an hour for a caller.</summary>
sealed partial class AdminCallLog(TimeProvider time, ILogger<AdminCallLog> log)
{
    const int MostRemembered = 1000;

    static readonly TimeSpan Every = TimeSpan.FromHours(1);

    readonly ConcurrentDictionary<string, DateTimeOffset> _said = new();

    /// <summary>An operator called what is for a higher role.</summary>
    public void RoleTooLow(Operator caller, OperatorRole needed, HttpContext http)
    {
        var route = (http.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "";
        if (IsNews($"role {caller.Id} {http.Request.Method} {route}"))
            LogRoleTooLow(caller.Name, Text(http.Connection.RemoteIpAddress), http.Request.Method, route, caller.Role, needed);
    }

    /// <summary>A key was used after its end.</summary>
    public void Expired(Operator caller, IPAddress? from)
    {
        if (IsNews($"expired {caller.Id}"))
            LogExpired(caller.Name, Text(from), caller.ExpiresAt);
    }

    /// <summary>A key was used that is nobody's, or was revoked.</summary>
    public void Wrong(IPAddress? from)
    {
        if (IsNews($"wrong {Text(from)}"))
            LogWrong(Text(from));
    }

    /// <summary>The admin key let a call in.</summary>
    /// <param name="hasOperators">Whether there are operators with keys of their own, which are to be used instead.</param>
    public void AdminKeyUsed(IPAddress? from, bool hasOperators)
    {
        if (hasOperators && IsNews($"admin {Text(from)}"))
            LogAdminKey(Text(from));
    }

    bool IsNews(string what)
    {
        var now = time.GetUtcNow();
        if (_said.TryGetValue(what, out var at) && now >= at && now - at < Every)
            return false;
        if (_said.Count >= MostRemembered)
        {
            foreach (var (old, since) in _said)
            {
                if (now - since >= Every)
                    _said.TryRemove(old, out _);
            }
            // Somebody calls from ever new addresses: what they do is logged no more than so often.
            if (_said.Count >= MostRemembered)
                return false;
        }
        _said[what] = now;
        return true;
    }

    static string Text(IPAddress? address) => address is null ? "?" : AddressRange.Plain(address).ToString();

    [LoggerMessage(1440, LogLevel.Warning, "Operator {Name} at {Address} was refused {Method} {Route}: its role is {Role}, and {Needed} is required. Not logged again for an hour.")]
    partial void LogRoleTooLow(string name, string address, string method, string route, OperatorRole role, OperatorRole needed);

    [LoggerMessage(1441, LogLevel.Warning, "The key of operator {Name}, which expired at {End:u}, was used from {Address}, and refused. Not logged again for an hour.")]
    partial void LogExpired(string name, string address, DateTimeOffset? end);

    [LoggerMessage(1442, LogLevel.Warning, "A wrong or revoked operator's key was used from {Address}, and refused. Not logged again for an hour.")]
    partial void LogWrong(string address);

    [LoggerMessage(1443, LogLevel.Warning, "The admin key is used from {Address}, though there are operators with keys of their own. It is for emergencies: what is done with it has no name in the audit log. Not logged again for an hour.")]
    partial void LogAdminKey(string address);
}

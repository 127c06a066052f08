using System.Net;
using Halo.Api.Basics;
using Halo.Contracts.Admin;

namespace Halo.Api.Operators;

/// <summary>Says in the service's log which calls of operators' routes were refused, and that the admin key is in use: each once an hour for a caller.</summary>
sealed partial class AdminCallLog(TimeProvider time, ILogger<AdminCallLog> log)
{
    /// <summary>Each on its own: whoever has one kind of key, or none, cannot use up what is there for the others.</summary>
    readonly Remembered _roles = new(1000), _expired = new(1000), _wrong = new(1000), _admin = new(1000);

    /// <summary>An operator called what is for a higher role.</summary>
    public void RoleTooLow(Operator caller, OperatorRole needed, HttpContext http)
    {
        var route = (http.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "";
        if (_roles.IsNews($"{caller.Id} {http.Request.Method} {route} {Caller(http.Connection.RemoteIpAddress)}", time.GetUtcNow()))
            LogRoleTooLow(caller.Name, Text(http.Connection.RemoteIpAddress), http.Request.Method, route, caller.Role, needed);
    }

    /// <summary>A key was used after its end.</summary>
    public void Expired(Operator caller, IPAddress? from)
    {
        if (_expired.IsNews($"{caller.Id} {Caller(from)}", time.GetUtcNow()))
            LogExpired(caller.Name, Text(from), caller.ExpiresAt);
    }

    /// <summary>A key was used that is nobody's, or was revoked.</summary>
    public void Wrong(IPAddress? from)
    {
        if (_wrong.IsNews(Caller(from), time.GetUtcNow()))
            LogWrong(Text(from));
    }

    /// <summary>The admin key let a call in.</summary>
    /// <param name="hasOperators">Whether there are operators with keys of their own, which are to be used instead.</param>
    public void AdminKeyUsed(IPAddress? from, bool hasOperators)
    {
        if (hasOperators && _admin.IsNews(Caller(from), time.GetUtcNow()))
            LogAdminKey(Text(from));
    }

    static string Caller(IPAddress? address) => address is null ? "?" : AddressRange.CallerOf(address).ToString();

    static string Text(IPAddress? address) => AddressRange.Text(address) ?? "?";

    [LoggerMessage(1440, LogLevel.Warning, "Operator {Name} at {Address} was refused {Method} {Route}: its role is {Role}, and {Needed} is required. Not logged again for an hour.")]
    partial void LogRoleTooLow(string name, string address, string method, string route, OperatorRole role, OperatorRole needed);

    [LoggerMessage(1441, LogLevel.Warning, "The key of operator {Name}, which expired at {End:u}, was used from {Address}, and refused. Not logged again for an hour.")]
    partial void LogExpired(string name, string address, DateTimeOffset? end);

    [LoggerMessage(1442, LogLevel.Warning, "A wrong or revoked key of an operator, or of the metrics, was used from {Address}, and refused. Not logged again for an hour.")]
    partial void LogWrong(string address);

    [LoggerMessage(1443, LogLevel.Warning, "The admin key is used from {Address}, though there are operators with keys of their own. It is for emergencies: what is done with it has no name in the audit log. Not logged again for an hour.")]
    partial void LogAdminKey(string address);

    /// <summary>What was logged within the hour.</summary>
    /// <param name="most">Beyond so many nothing more is logged: somebody calls from ever new addresses.</param>
    sealed class Remembered(int most)
    {
        static readonly TimeSpan For = TimeSpan.FromHours(1), Sweep = TimeSpan.FromMinutes(1);

        readonly Lock _lock = new();
        readonly Dictionary<string, DateTimeOffset> _at = [];
        DateTimeOffset _swept;

        public bool IsNews(string what, DateTimeOffset now)
        {
            lock (_lock)
            {
                if (_at.TryGetValue(what, out var at) && now >= at && now - at < For)
                    return false;
                if (_at.Count >= most && (now - _swept).Duration() >= Sweep)
                {
                    _swept = now;
                    foreach (var old in _at.Where(a => (now - a.Value).Duration() >= For).Select(a => a.Key).ToList())
                        _at.Remove(old);
                }
                if (_at.Count >= most && !_at.ContainsKey(what))
                    return false;
                _at[what] = now;
                return true;
            }
        }
    }
}

using System.Collections.Concurrent;
using System.Net;
using Halo.Api.Errors;
using Halo.Contracts.Errors;

namespace Halo.Api.Admin;

/// <summary>Lets operators in. Ten wrong keys from an address within a minute close the door to it for that minute.</summary>
public sealed class AdminAuthentication(RequestDelegate next, AdminKey key, TimeProvider time)
{
    const int Tries = 10;
    const int RememberedAddresses = 1000;
    static readonly TimeSpan Window = TimeSpan.FromMinutes(1);
    readonly ConcurrentDictionary<IPAddress, (int Wrong, DateTimeOffset Since)> _wrong = new();

    public Task InvokeAsync(HttpContext http)
    {
        var address = http.Connection.RemoteIpAddress ?? IPAddress.None;
        var now = time.GetUtcNow();
        if (_wrong.TryGetValue(address, out var tries) && tries.Wrong >= Tries && now - tries.Since < Window)
        {
            return new Refusal(429, ErrorCodes.TooManyRequests, "Too many wrong admin keys from this address; wait a minute.")
            {
                RetryAfter = tries.Since + Window - now,
            }.ExecuteAsync(http);
        }
        var given = http.Request.Headers[AdminKey.Header].ToString();
        if (given.Length == 0)
        {
            return new Refusal(401, ErrorCodes.KeyMissing,
                $"The admin key is missing: send it in the header {AdminKey.Header}. The service's log says where it stands.").ExecuteAsync(http);
        }
        if (key.Is(given))
            return next(http);
        if (_wrong.Count >= RememberedAddresses)
            ForgetOld(now);
        _wrong.AddOrUpdate(address, _ => (1, now), (_, before) => now - before.Since < Window ? (before.Wrong + 1, before.Since) : (1, now));
        return new Refusal(401, ErrorCodes.KeyInvalid, $"The admin key in the header {AdminKey.Header} is wrong. The service's log says where the right one stands.").ExecuteAsync(http);
    }

    void ForgetOld(DateTimeOffset now)
    {
        foreach (var (address, tries) in _wrong)
        {
            if (now - tries.Since >= Window)
                _wrong.TryRemove(address, out _);
        }
    }
}

using System.Security.Cryptography;
using System.Text;
using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Console.Tests.Driving;

/// <summary>Looks at sessions where they are kept.</summary>
static class Sessions
{
    /// <summary>Whether the store has this moment of the service's clock, to the minute, as the session's last use.</summary>
    public static async Task<bool> IsSeenNowAsync(ApiHost host, string token)
    {
        var seen = await host.Services.GetRequiredService<Database>().ReadAsync(r => r.Time(0), "SELECT last_seen_at FROM console_sessions WHERE token_hash = @hash",
            ("hash", SHA256.HashData(Encoding.UTF8.GetBytes(token))));
        return seen is [var at] && host.Services.GetRequiredService<TimeProvider>().GetUtcNow() - at < TimeSpan.FromMinutes(1);
    }
}

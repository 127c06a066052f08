using System.Diagnostics;
using Halo.Bench.Stands;
using Npgsql;

namespace Halo.Bench.References;

/// <summary>The fastest way out of PostgreSQL that everybody has: <c>psql</c> with <c>COPY … TO STDOUT</c>.</summary>
static class Psql
{
    public const string Name = "COPY";

    public static string? Missing { get; } = Programs.Find("psql") is null ? "psql was not found: figures of COPY are skipped." : null;

    /// <returns>Seconds from the program's start until it has the last byte.</returns>
    public static async Task<double> CopyAsync(string connectionString, string query)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString);
        var start = Stopwatch.GetTimestamp();
        await Child.RunAsync(Programs.Find("psql")!, "-h", "127.0.0.1", "-p", $"{settings.Port}", "-U", settings.Username!, "-d", settings.Database!,
            "-q", "-X", "-o", "/dev/null", "-c", $"COPY ({query}) TO STDOUT");
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}

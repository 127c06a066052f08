using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Halo.Link.Settings;
using Microsoft.Data.SqlClient;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Halo.Link.Session;

/// <summary>Which database a connection string points to, whoever logs in and however.</summary>
static class DatabaseTarget
{
    /// <summary>A digest of server and database: equal for the same target. Null where the string cannot be read.</summary>
    public static string? Digest(string engine, string connectionString)
    {
        try
        {
            var target = engine switch
            {
                EngineNames.SqlServer => new SqlConnectionStringBuilder(connectionString) is var s ? $"{s.DataSource}\n{s.InitialCatalog}" : "",
                EngineNames.Postgres => new NpgsqlConnectionStringBuilder(connectionString) is var p
                    ? string.Create(CultureInfo.InvariantCulture, $"{p.Host}\n{p.Port}\n{p.Database ?? p.Username}") : "",
                _ => Path.GetFullPath(new SqliteConnectionStringBuilder(connectionString).DataSource),
            };
            return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{engine}\n{target.ToUpperInvariant()}")))[..32];
        }
        catch (Exception e) when (e is ArgumentException or FormatException or KeyNotFoundException or InvalidCastException)
        {
            return null;
        }
    }
}

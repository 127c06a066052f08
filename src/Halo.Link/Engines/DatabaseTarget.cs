using System.Security.Cryptography;
using System.Text;

namespace Halo.Link.Engines;

/// <summary>Which database a connection string points to, whoever logs in and however.</summary>
/// <param name="Place">Server and database, or the file.</param>
/// <param name="Database">The database's own name; null or empty: the string names none.</param>
sealed record DatabaseTarget(string Place, string? Database)
{
    /// <summary>What a connection string says of its target; null where the engine's driver cannot read it.</summary>
    public static DatabaseTarget? Of(string engine, string connectionString)
    {
        try
        {
            return DatabaseEngines.TargetOf(engine, connectionString);
        }
        catch (EngineSettingException)
        {
            return null;
        }
    }

    /// <summary>A digest of the engine and the place: equal for the same target. Null where the string cannot be read or names none.</summary>
    public static string? Digest(string engine, string connectionString) => Of(engine, connectionString) is { Place.Length: > 0 } target
        ? Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{engine}\n{target.Place.ToUpperInvariant()}")))[..32]
        : null;
}

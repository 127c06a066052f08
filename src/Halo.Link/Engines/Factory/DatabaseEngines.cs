using System.Security.Cryptography;
using System.Text;
using Halo.Link.Engines.Connections;
using Halo.Link.Engines.Postgres;
using Halo.Link.Engines.Sqlite;
using Halo.Link.Engines.Sqlite.Worker;
using Halo.Link.Engines.SqlServer;
using Halo.Link.Engines.SqlServer.Connections;

namespace Halo.Link.Engines.Factory;

/// <summary>Makes the engine that a site's configuration names.</summary>
static class DatabaseEngines
{
    /// <summary>The engine for <paramref name="engine"/>; nothing is connected yet.</summary>
    /// <param name="protection">How its sessions behave towards the practice's own; null: the defaults.</param>
    /// <param name="own">Where its sessions are entered, and those of all other engines of the Link; null: only its own are known.</param>
    /// <param name="workers">Where SQL for SQLite runs; null: in this process, where nothing bounds it.</param>
    /// <exception cref="EngineSettingException">The engine is unknown or the connection string cannot be read. Never shows the connection string.</exception>
    public static IDatabaseEngine Create(string engine, string connectionString, TimeProvider time, PracticeProtection? protection = null, OwnSessions? own = null,
        SqliteWorkers? workers = null)
    {
        if (string.IsNullOrWhiteSpace(connectionString))
            throw new EngineSettingException("connectionString", "It is missing.");
        return Read<IDatabaseEngine>(engine, () => engine switch
        {
            EngineNames.Sqlite => new SqliteEngine(connectionString, time, workers),
            EngineNames.Postgres => new PostgresEngine(connectionString, time, protection ?? new(), own ?? new()),
            EngineNames.SqlServer => new SqlServerEngine(connectionString, time, protection ?? new()),
            _ => throw Unknown(),
        });
    }

    /// <summary>What a connection string points to, by the driver's own parser. Only that driver is loaded.</summary>
    /// <exception cref="EngineSettingException">The engine is unknown or the connection string cannot be read. Never shows the connection string.</exception>
    public static DatabaseTarget TargetOf(string engine, string connectionString) => Read(engine, () => engine switch
    {
        EngineNames.Sqlite => SqliteEngine.TargetOf(connectionString),
        EngineNames.Postgres => PostgresEngine.TargetOf(connectionString),
        EngineNames.SqlServer => SqlServerConnections.TargetOf(connectionString),
        _ => throw Unknown(),
    });

    /// <summary>What a connection string says of its target; null where the engine's driver cannot read it.</summary>
    public static DatabaseTarget? FindTarget(string engine, string connectionString)
    {
        try
        {
            return TargetOf(engine, connectionString);
        }
        catch (EngineSettingException)
        {
            return null;
        }
    }

    /// <summary>A digest of the engine and the place: equal for the same target. Null where the string cannot be read or names none.</summary>
    public static string? TargetDigest(string engine, string connectionString) => FindTarget(engine, connectionString) is { Place.Length: > 0 } target
        ? Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{engine}\n{target.Place.ToUpperInvariant()}")))[..32]
        : null;

    static T Read<T>(string engine, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is ArgumentException or FormatException or KeyNotFoundException or InvalidCastException
            or InvalidOperationException or OverflowException or NotSupportedException)
        {
            // The driver's own message can hold a part of the string, and that part can be the password.
            throw new EngineSettingException("connectionString", $"It is not a connection string that the engine {engine} understands.");
        }
    }

    static EngineSettingException Unknown() => new("engine", $"It must be one of {string.Join(", ", EngineNames.All)}.");
}

/// <summary>A site's setting is wrong.</summary>
/// <param name="setting"><c>engine</c> or <c>connectionString</c>, within the site.</param>
sealed class EngineSettingException(string setting, string fault) : Exception($"{setting}: {fault}")
{
    /// <summary>Name of the setting, within the site.</summary>
    public string Setting => setting;

    /// <summary>What is wrong with it.</summary>
    public string Fault => fault;
}

using Halo.Api.Storage;
using Halo.Api.Storage.Postgres;
using Halo.Api.Storage.Sqlite;

namespace Halo.Api.Settings;

/// <summary>Which database the service uses: section <c>Halo:Storage</c>.</summary>
sealed record DatabaseOptions
{
    /// <summary>PostgreSQL's connection string. Default: absent, which means SQLite in the file <c>halo.db</c> of the data directory.</summary>
    public string? ConnectionString { get; init; }

    /// <summary>Whether the store is PostgreSQL.</summary>
    public bool UsesPostgres => !string.IsNullOrWhiteSpace(ConnectionString);

    /// <summary>The store that these options name. Nothing is opened before <see cref="Database.MigrateAsync"/>.</summary>
    public Database Open(DataDirectory directory, TimeProvider time) =>
        UsesPostgres ? new PostgresDatabase(ConnectionString!, time) : new SqliteDatabase(directory.File("halo.db"), time);
}

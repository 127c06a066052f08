using System.Data.Common;
using Halo.Client;
using Halo.Data.Connections;

namespace Halo.Data;

/// <summary>Makes connections to one practice. Safe to use from many threads at once; make one and keep it.</summary>
/// <example><code>
/// await using var practice = new HaloDbDataSource("Api=https://halo.example;Key=…;Site=Best Practice/12345");
/// await using var command = practice.CreateCommand("SELECT COUNT(*) FROM patients");
/// var patients = await command.ExecuteScalarAsync();
/// </code></example>
public sealed class HaloDbDataSource : DbDataSource
{
    readonly HaloDbConnectionStringBuilder _settings;
    readonly SharedSite _shared;

    /// <summary>A data source with HTTP connections of its own.</summary>
    /// <param name="connectionString">See <see cref="HaloDbConnectionStringBuilder"/>.</param>
    /// <exception cref="ArgumentException">It is not valid; the text names every fault.</exception>
    public HaloDbDataSource(string connectionString)
    {
        _settings = new(connectionString);
        _shared = SharedSite.Make(_settings);
    }

    /// <summary>A data source over a client of yours, as <c>AddHaloClient</c> makes it, which is not disposed of.</summary>
    /// <param name="client">Whom it asks; address, key and patience are the client's.</param>
    /// <param name="connectionString">The practice, and how commands are run: <c>Site=Best Practice/12345</c>.</param>
    /// <exception cref="ArgumentException">It is not valid.</exception>
    public HaloDbDataSource(HaloClient client, string connectionString)
    {
        ArgumentNullException.ThrowIfNull(client);
        _settings = new(connectionString);
        _shared = new(client, SharedSite.Checked(_settings.Site), ownsClient: false);
    }

    /// <summary>The settings, without the key unless <c>Persist Security Info</c> is true.</summary>
    public override string ConnectionString => _settings.PersistSecurityInfo ? _settings.ConnectionString : _settings.WithoutKey();

    /// <summary>A connection, closed.</summary>
    public new HaloDbConnection CreateConnection() => new(this, _settings, _shared);

    /// <inheritdoc/>
    protected override DbConnection CreateDbConnection() => CreateConnection();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _shared.Dispose();
        base.Dispose(disposing);
    }

    /// <inheritdoc/>
    protected override ValueTask DisposeAsyncCore()
    {
        _shared.Dispose();
        return base.DisposeAsyncCore();
    }
}

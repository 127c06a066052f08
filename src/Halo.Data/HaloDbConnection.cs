using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using System.Transactions;
using Halo.Client;
using Halo.Data.Connections;
using Halo.Data.Schema;
using IsolationLevel = System.Data.IsolationLevel;

namespace Halo.Data;

/// <summary>A practice's database through Halo API: <c>new HaloDbConnection("Api=https://halo.example;Key=…;Site=Best Practice/12345")</c>.</summary>
/// <remarks>
/// Opening and closing cost nothing after the first time: connections with the same settings share their HTTP connections. Commands are independent of each other, so
/// that several may run on one connection at once, and a reader need not be closed before the next. For one transaction use <see cref="DbConnection.CreateBatch"/>.
/// </remarks>
public sealed class HaloDbConnection : DbConnection
{
    internal const string NoTransactions = "Halo holds no transaction open between calls: its statements could only be gathered until the commit, and none could tell what it read or how many rows it changed. "
        + "Put them in a DbBatch (connection.CreateBatch()): all commands of a batch run in one transaction at the practice, all of them or none.";

    readonly HaloDbDataSource? _source;
    readonly HashSet<HaloDbDataReader> _readers = [];
    HaloDbConnectionStringBuilder _settings = new();
    string _given = "";
    SharedSite? _shared;
    string? _catalogue;
    ConnectionState _state;
    bool _wasOpened;

    /// <summary>Creates a connection without settings.</summary>
    public HaloDbConnection()
    {
    }

    /// <summary>Creates a connection.</summary>
    /// <param name="connectionString">See <see cref="HaloDbConnectionStringBuilder"/>.</param>
    /// <exception cref="ArgumentException">It has an unknown keyword or a value that is none.</exception>
    public HaloDbConnection(string? connectionString) => ConnectionString = connectionString;

    internal HaloDbConnection(HaloDbDataSource source, HaloDbConnectionStringBuilder settings, SharedSite shared) =>
        (_source, _settings, _given, _shared, _wasOpened) = (source, settings, settings.ConnectionString, shared, true);

    /// <summary>Its settings. Once it was opened the key is not shown, unless <c>Persist Security Info</c> is true.</summary>
    /// <exception cref="InvalidOperationException">It is open, or its settings are its data source's.</exception>
    /// <exception cref="ArgumentException">There is an unknown keyword or a value that is none.</exception>
    [AllowNull]
    public override string ConnectionString
    {
        get => _wasOpened && !_settings.PersistSecurityInfo ? _settings.WithoutKey() : _given;
        set
        {
            if (_state != ConnectionState.Closed)
                throw new InvalidOperationException("The connection is open: close it before its connection string is changed.");
            if (_source is not null)
                throw new InvalidOperationException("The connection has the settings of its data source.");
            _settings = new(value);
            (_given, _shared, _catalogue, _wasOpened) = (value ?? "", null, null, false);
        }
    }

    /// <summary>The site's database that is asked; empty: its default.</summary>
    public override string Database => _catalogue ?? _settings.Catalogue;

    /// <summary>The service's address.</summary>
    public override string DataSource => _settings.Api;

    /// <summary>The version of the practice's Halo Link; the database's own is not known here.</summary>
    /// <exception cref="InvalidOperationException">The connection is closed.</exception>
    public override string ServerVersion => Opened.Info?.HaloLinkVersion ?? "";

    /// <summary>The practice's site, once the connection is open.</summary>
    /// <exception cref="InvalidOperationException">The connection is closed.</exception>
    public HaloSite Practice => Opened;

    /// <summary>Seconds for which the service is tried to be reached.</summary>
    public override int ConnectionTimeout => _settings.RetryTimeout;

    /// <inheritdoc/>
    public override ConnectionState State => _state;

    /// <summary>Batches are how Halo has transactions.</summary>
    public override bool CanCreateBatch => true;

    /// <inheritdoc/>
    protected override DbProviderFactory DbProviderFactory => HaloDbProviderFactory.Instance;

    internal HaloDbConnectionStringBuilder Settings => _settings;

    internal SharedSite Shared => _state == ConnectionState.Open ? _shared! : throw new InvalidOperationException("The connection is closed.");

    HaloSite Opened { get => _state == ConnectionState.Open ? field! : throw new InvalidOperationException("The connection is closed."); set; }

    /// <inheritdoc cref="OpenAsync"/>
    public override void Open() => Blocking.Wait(() => OpenAsync(default));

    /// <summary>Looks whether the service and the practice can be reached with these settings; the first time alone that costs a call.</summary>
    /// <exception cref="HaloDbException">They cannot, or there is no such practice.</exception>
    /// <exception cref="ArgumentException">The settings are not valid; the text names every fault.</exception>
    /// <exception cref="InvalidOperationException">It is open, or has no settings.</exception>
    /// <exception cref="NotSupportedException">There is a <c>TransactionScope</c>.</exception>
    public override async Task OpenAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_state != ConnectionState.Closed)
            throw new InvalidOperationException("The connection is already open.");
        if (_settings.Count == 0)
            throw new InvalidOperationException("The connection has no connection string.");
        if (Transaction.Current is not null && _settings.Enlist)
            throw new NotSupportedException("A TransactionScope is active, and a Halo connection cannot take part in it. " + NoTransactions + " Enlist=false runs its commands outside the scope.");
        Become(ConnectionState.Connecting);
        try
        {
            Opened = await (_shared ??= SharedSite.Of(_settings)).GetAsync(cancellationToken);
        }
        catch
        {
            Become(ConnectionState.Closed);
            throw;
        }
        _wasOpened = true;
        Become(ConnectionState.Open);
    }

    /// <summary>Closes it and its readers. A reader that was not read to its end is cancelled at the practice.</summary>
    public override void Close()
    {
        if (_state == ConnectionState.Closed)
            return;
        HaloDbDataReader[] open;
        lock (_readers)
            open = [.. _readers];
        foreach (var reader in open)
            reader.Close();
        Become(ConnectionState.Closed);
    }

    /// <summary>Asks another of the site's databases from now on. Whether there is such a one the next command tells.</summary>
    /// <exception cref="InvalidOperationException">The connection is closed.</exception>
    public override void ChangeDatabase(string databaseName)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(databaseName);
        _ = Shared;
        _catalogue = databaseName;
    }

    /// <summary>What the provider tells of itself: the names of its collections.</summary>
    /// <exception cref="InvalidOperationException">The connection is closed.</exception>
    public override DataTable GetSchema() => GetSchema(DbMetaDataCollectionNames.MetaDataCollections);

    /// <summary>A collection by its name: <c>MetaDataCollections</c>, <c>DataSourceInformation</c>, <c>DataTypes</c>, <c>Restrictions</c>, <c>ReservedWords</c>.</summary>
    /// <exception cref="ArgumentException">There is none. Tables and columns are asked for in the words of the practice's database.</exception>
    /// <exception cref="InvalidOperationException">The connection is closed.</exception>
    public override DataTable GetSchema(string collectionName) => GetSchema(collectionName, []);

    /// <inheritdoc cref="GetSchema(string)"/>
    public override DataTable GetSchema(string collectionName, string?[] restrictionValues) => SchemaCollections.Get(collectionName, restrictionValues, ServerVersion);

    /// <summary>A command of this connection.</summary>
    public new HaloDbCommand CreateCommand() => new("", this);

    /// <summary>A batch: its commands run in one transaction at the practice, all of them or none.</summary>
    public new HaloDbBatch CreateBatch() => new(this);

    /// <summary>Refused.</summary>
    /// <exception cref="NotSupportedException">Always: a transaction cannot be held open over Halo.</exception>
    public override void EnlistTransaction(Transaction? transaction)
    {
        if (transaction is not null)
            throw new NotSupportedException(NoTransactions);
    }

    /// <summary>How its commands are run.</summary>
    internal HaloQueryOptions Options(int commandTimeout) => new()
    {
        Catalogue = Database is { Length: > 0 } catalogue ? catalogue : null,
        Timeout = Shared.LimitOf(commandTimeout),
        MaxTimeInQueue = TimeSpan.FromSeconds(_settings.QueueTimeout),
        Tag = _settings.Tag is { Length: > 0 } tag ? tag : null,
    };

    internal void Add(HaloDbDataReader reader)
    {
        lock (_readers)
            _readers.Add(reader);
    }

    internal void Remove(HaloDbDataReader reader)
    {
        lock (_readers)
            _readers.Remove(reader);
    }

    /// <inheritdoc/>
    protected override DbTransaction BeginDbTransaction(IsolationLevel isolationLevel) => throw new NotSupportedException(NoTransactions);

    /// <inheritdoc/>
    protected override DbCommand CreateDbCommand() => CreateCommand();

    /// <inheritdoc/>
    protected override DbBatch CreateDbBatch() => CreateBatch();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            Close();
        base.Dispose(disposing);
    }

    void Become(ConnectionState state)
    {
        var before = _state;
        _state = state;
        OnStateChange(new(before, state));
    }
}

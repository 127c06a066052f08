using System.Data.Common;

namespace Halo.Data;

/// <summary>Makes the provider's objects for programs that do not know which provider they use: <c>DbProviderFactories.RegisterFactory("Halo.Data", HaloDbProviderFactory.Instance)</c>.</summary>
public sealed class HaloDbProviderFactory : DbProviderFactory
{
    /// <summary>The only one.</summary>
    public static readonly HaloDbProviderFactory Instance = new();

    HaloDbProviderFactory()
    {
    }

    /// <inheritdoc/>
    public override bool CanCreateBatch => true;

    /// <inheritdoc/>
    public override DbConnection CreateConnection() => new HaloDbConnection();

    /// <inheritdoc/>
    public override DbCommand CreateCommand() => new HaloDbCommand();

    /// <inheritdoc/>
    public override DbParameter CreateParameter() => new HaloDbParameter();

    /// <inheritdoc/>
    public override DbConnectionStringBuilder CreateConnectionStringBuilder() => new HaloDbConnectionStringBuilder();

    /// <inheritdoc/>
    public override DbDataAdapter CreateDataAdapter() => new HaloDbDataAdapter();

    /// <inheritdoc/>
    public override DbDataSource CreateDataSource(string connectionString) => new HaloDbDataSource(connectionString);

    /// <inheritdoc/>
    public override DbBatch CreateBatch() => new HaloDbBatch();

    /// <inheritdoc/>
    public override DbBatchCommand CreateBatchCommand() => new HaloDbBatchCommand();
}

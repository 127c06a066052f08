using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using Halo.Api.Storage;

namespace Halo.Api.Tests.Storage;

/// <summary>A real store, of which a test holds up or fails some calls. Its owner disposes of the store beneath.</summary>
sealed class HookedDatabase(Database inner) : Database
{
    /// <summary>What becomes of a statement of the group commit, given how it is done; null: it is done.</summary>
    public Func<Func<Task<int>>, Task<int>>? OnCommit { get; set; }

    /// <summary>A reading that begins now has its rows at once, and ends when this completes; null: as ever.</summary>
    public Task? ReadingEnds { get; set; }

    /// <summary>How often a connection was opened to read.</summary>
    public int Opened { get; private set; }

    public override string ForUpdate => inner.ForUpdate;

    public override string ForShare => inner.ForShare;

    public override int Waiting => inner.Waiting;

    public override bool RefusesWrites => inner.RefusesWrites;

    public override async ValueTask<DbConnection> OpenAsync(CancellationToken stop = default)
    {
        Opened++;
        return await inner.OpenAsync(stop) is var connection && ReadingEnds is { } end ? new HeldConnection(connection, end) : connection;
    }

    public override Task<T> WriteAsync<T>(Func<DbTransaction, Task<T>> unit, CancellationToken stop = default) => inner.WriteAsync(unit, stop);

    public override Task<int> CommitAsync(Statement statement) => OnCommit is { } hook ? hook(() => inner.CommitAsync(statement)) : inner.CommitAsync(statement);

    public override Task MigrateAsync(CancellationToken stop = default) => inner.MigrateAsync(stop);

    protected override ValueTask CloseAsync() => ValueTask.CompletedTask;

    sealed class HeldConnection(DbConnection inner, Task end) : DbConnection
    {
        [AllowNull]
        public override string ConnectionString
        {
            get => inner.ConnectionString;
            set => inner.ConnectionString = value;
        }

        public override string Database => inner.Database;

        public override string DataSource => inner.DataSource;

        public override string ServerVersion => inner.ServerVersion;

        public override ConnectionState State => inner.State;

        public override void Open() => inner.Open();

        public override void Close() => inner.Close();

        public override void ChangeDatabase(string databaseName) => inner.ChangeDatabase(databaseName);

        public override async ValueTask DisposeAsync()
        {
            await end;
            await inner.DisposeAsync();
            await base.DisposeAsync();
        }

        protected override DbTransaction BeginDbTransaction(IsolationLevel isolationLevel) => inner.BeginTransaction(isolationLevel);

        protected override DbCommand CreateDbCommand() => inner.CreateCommand();
    }
}

using System.Data;
using System.Data.Common;
using System.Globalization;
using System.Security.Cryptography;
using Halo.Contracts.Queries;
using Halo.Link.Engines.Postgres.Connections;
using Npgsql;
using IsolationLevel = Halo.Contracts.Queries.IsolationLevel;

namespace Halo.Link.Engines.Postgres;

/// <summary>A batch's transaction in PostgreSQL. A savepoint of a random name stands at its beginning: as long as that is there, no command has ended the transaction.</summary>
/// <remarks>
/// One that writes has its number from the start, by which the server tells, over another connection too, what became of it.
/// </remarks>
/// <param name="beside">Opens another connection to the same database.</param>
sealed class PostgresBatch(
    NpgsqlConnection connection, CommandRequest request, PracticeProtection protection, TimeProvider time, Func<CancellationToken, Task<NpgsqlConnection>> beside,
    Func<NpgsqlConnection, ValueTask> close) : IBatchTransaction
{
    /// <summary>For asking another connection.</summary>
    static readonly TimeSpan AskWithin = TimeSpan.FromSeconds(5);

    static readonly TimeSpan AskAgain = TimeSpan.FromMilliseconds(100);

    /// <summary>Seconds for a statement of the Link's own.</summary>
    const int Within = 6;

    readonly string _savepoint = $"halo_{RandomNumberGenerator.GetHexString(16, lowercase: true)}";
    long? _number;
    bool _committing;

    /// <summary>Whether a command that may only read could have written: that was taken back.</summary>
    bool _wrote;

    public async ValueTask BeginAsync(CancellationToken stop)
    {
        await using var batch = new NpgsqlBatch(connection) { Timeout = Within };
        // What may only read has a transaction already, of the level that the practice's readers have.
        if (!request.ReadOnly)
            Add($"BEGIN ISOLATION LEVEL {Level}");
        else if (request.Isolation is not null)
        {
            Add("ROLLBACK");
            Add($"BEGIN ISOLATION LEVEL {Level}, READ ONLY");
            Add(PostgresPreparation.Hold);
        }
        if (LockTimeout is { } wait)
            Add(string.Create(CultureInfo.InvariantCulture, $"SET LOCAL lock_timeout = {(long)wait.TotalMilliseconds}"));
        if (!request.ReadOnly && string.IsNullOrEmpty(request.Tag) && request.QueryId is { } query)
            Add($"SET LOCAL application_name = 'halo query={query}'");
        Add($"SAVEPOINT {_savepoint}");
        var isNumbered = !request.ReadOnly && !request.IsReader;
        if (isNumbered)
            Add("SELECT txid_current()");
        if (isNumbered)
            _number = (long?)await batch.ExecuteScalarAsync(stop);
        else
            await batch.ExecuteNonQueryAsync(stop);

        void Add(string text) => batch.BatchCommands.Add(new(text));
    }

    /// <remarks>
    /// The server says with each answer whether a transaction is open; whether it is the same, the commit finds out. What a command did that may only read is taken
    /// back at once: there are ways to write all the same, which come to nothing as long as no later command can commit that, or prepare it.
    /// </remarks>
    public async ValueTask<bool> IsOpenAsync()
    {
        if (!PostgresTransaction.IsOpen(connection) || !request.ReadOnly)
            return PostgresTransaction.IsOpen(connection);
        try
        {
            await using (var look = Command($"SELECT pg_catalog.current_setting('transaction_read_only'); ROLLBACK TO SAVEPOINT {_savepoint}"))
                _wrote |= await look.ExecuteScalarAsync() is "off";
            await using var held = Command("SELECT 1 FROM pg_catalog.pg_cursors WHERE name = 'halo_reader' AND is_holdable");
            return await held.ExecuteScalarAsync() is not null;
        }
        catch (PostgresException)
        {
            return false;
        }
    }

    public async ValueTask<bool> CommitAsync(TimeSpan within)
    {
        if (request.ReadOnly)
        {
            await TakeBackAsync("ROLLBACK");
            return !_wrote;
        }
        await using (var same = Command($"RELEASE SAVEPOINT {_savepoint}"))
            await same.ExecuteNonQueryAsync();
        _committing = true;
        await using var commit = Command("COMMIT");
        commit.CommandTimeout = (int)Math.Ceiling(within.TotalSeconds);
        try
        {
            await commit.ExecuteNonQueryAsync();
        }
        catch (Exception e) when (connection.State != ConnectionState.Open && ConnectionFault.IsOfTheDatabase(e))
        {
            // The server may have done it and could not say so.
            if (await AskAsync() == Executed.Yes)
                return true;
            throw;
        }
        return true;
    }

    public async ValueTask<Executed> RollBackAsync(FailedCommand? command)
    {
        if (connection.State != ConnectionState.Open)
        {
            // Of one statement nothing is left outside of its transaction; of several, some may have run after they had ended it.
            var known = command?.Command is null or PostgresCommand { IsOneMessage: true } ? await AskAsync() : Executed.Unknown;
            return known == Executed.Yes && !_committing ? Executed.Unknown : known;
        }
        if (_committing)
            return PostgresTransaction.IsOpen(connection) ? await TakeBackAsync("ROLLBACK") : Executed.No;
        if (!PostgresTransaction.IsOpen(connection))
            return command?.Command is PostgresCommand { IsOneMessage: true } && await AskAsync() == Executed.No ? Executed.No : Executed.Unknown;
        try
        {
            return await TakeBackAsync($"ROLLBACK TO SAVEPOINT {_savepoint}", "ROLLBACK");
        }
        catch (PostgresException)
        {
            // Another transaction than the one that was begun.
            await TakeBackAsync("ROLLBACK");
            return Executed.Unknown;
        }
    }

    async Task<Executed> TakeBackAsync(params string[] texts)
    {
        foreach (var text in texts)
        {
            await using var command = Command(text);
            await command.ExecuteNonQueryAsync();
        }
        return Executed.No;
    }

    /// <summary>Asks over another connection what became of the transaction. A server that has not noticed yet that this one is gone is asked again.</summary>
    async Task<Executed> AskAsync()
    {
        if (_number is not { } number)
            return Executed.Unknown;
        using var patience = new CancellationTokenSource(AskWithin, time);
        try
        {
            var other = await beside(patience.Token);
            try
            {
                while (true)
                {
                    await using var ask = new NpgsqlCommand("SELECT txid_status($1)", other) { CommandTimeout = Within, Parameters = { new() { Value = number } } };
                    switch (await ask.ExecuteScalarAsync(patience.Token))
                    {
                        case "committed":
                            return Executed.Yes;
                        case "aborted":
                            return Executed.No;
                        case "in progress":
                            await Task.Delay(AskAgain, time, patience.Token);
                            break;
                        default:
                            return Executed.Unknown;
                    }
                }
            }
            finally
            {
                await close(other);
            }
        }
        catch (Exception e) when (ConnectionFault.IsOfTheDatabase(e))
        {
            return Executed.Unknown;
        }
    }

    NpgsqlCommand Command(string text) => new(text, connection) { CommandTimeout = Within };

    /// <summary>A batch waits for locks as a nonQuery does where it has one, as long as its limit allows.</summary>
    TimeSpan? LockTimeout =>
        request.IsReader ? request.Protection is { } asked && asked.LockTimeout != protection.LockTimeout ? asked.LockTimeout : null
        : request.ReadOnly || protection.LockTimeout is null ? null
        : TimeSpan.Zero;

    string Level => request.Isolation switch
    {
        IsolationLevel.ReadUncommitted or IsolationLevel.ReadCommitted => "READ COMMITTED",
        IsolationLevel.RepeatableRead or IsolationLevel.Snapshot => "REPEATABLE READ",
        IsolationLevel.Serializable => "SERIALIZABLE",
        _ => request.IsReader && protection.Isolation == ReaderIsolation.Snapshot ? "REPEATABLE READ" : "READ COMMITTED",
    };
}

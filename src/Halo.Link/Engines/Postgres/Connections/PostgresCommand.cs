using System.Data;
using System.Data.Common;
using System.Runtime.CompilerServices;
using Npgsql;
using NpgsqlTypes;
using StatementType = Npgsql.StatementType;

namespace Halo.Link.Engines.Postgres.Connections;

/// <summary>A command on its way, with what is needed to prove afterwards what became of it, and with the reset of its session where that can follow it at once.</summary>
sealed class PostgresCommand : NpgsqlCommand
{
    /// <summary>The server's own limit, on each message.</summary>
    public const int MaxParameters = ushort.MaxValue;

    /// <summary>The command and, behind it, the reset; null: it goes alone.</summary>
    NpgsqlBatch? _withReset;

    public PostgresCommand(NpgsqlConnection connection)
    {
        Connection = connection;
        AllResultTypesAreUnknown = true;
    }

    /// <summary>Whether it is sent as it stands, as one message: then the server refuses it unless it is one statement.</summary>
    public bool IsOneMessage { get; private set; }

    /// <summary>Whether it seems to be one statement that the planner takes, which cannot commit by itself.</summary>
    public bool IsPlanned { get; init; }

    /// <summary>Whether it seems to be one of those that gives rows.</summary>
    public bool IsQuery { get; init; }

    /// <summary>What resets its session and is sent right behind it, in the same packet, each statement in a transaction of its own: it costs no round trip then.</summary>
    public IReadOnlyList<string> Reset { get; set; } = [];

    /// <summary>Whether the server has done all of that reset: nothing of the command is left in the session.</summary>
    public bool HasReset => _withReset is not null && _withReset.BatchCommands.Skip<NpgsqlBatchCommand>(1).All(s => s.StatementType != StatementType.Unknown);

    /// <summary>Whether its rows were read to their end, and the server's word that it is over with them: whatever fails from here on is the reset.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Whether the server has told that it is done, and perhaps not that it is committed: no failure proves anything of it.</summary>
    public bool MayBeOver => _withReset?.BatchCommands[0].StatementType is not (null or StatementType.Unknown);

    /// <summary>
    /// Whether the reset was sent and has failed, or was not read: where a command fails between two of its rows, the driver leaves the rest of the answer in
    /// the connection, and would take it for the next command's.
    /// </summary>
    public bool IsOutOfStep => _withReset is not null && !HasReset;

    /// <summary>The session's count of transactions before it; null: not asked.</summary>
    public uint? TransactionBefore { get; set; }

    /// <summary>Sends it as one message. The driver rewrites and cuts no text whose parameters have no names; where there are none, it gets one that nothing refers to.</summary>
    public void SendAsOneMessage()
    {
        IsOneMessage = true;
        if (Parameters.Count == 0)
            Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Integer, Value = 0 });
    }

    /// <summary>Reads what is left of its rows. A driver that skips them by itself does not get over a failure among them, where something follows: it goes round in circles.</summary>
    /// <remarks>After a failure nothing is proved by coming to the end of them.</remarks>
    public async ValueTask ReadRestAsync(DbDataReader reader, bool afterFailure, CancellationToken giveUp)
    {
        if (_withReset is null)
            return;
        while (await reader.ReadAsync(giveUp))
        {
        }
        IsOver |= !afterFailure && MayBeOver;
    }

    public override void Cancel()
    {
        if (_withReset is null)
            base.Cancel();
        else
            _withReset.Cancel();
    }

    protected override async Task<DbDataReader> ExecuteDbDataReaderAsync(CommandBehavior behavior, CancellationToken cancellationToken)
    {
        if (Reset.Count == 0)
            return await base.ExecuteDbDataReaderAsync(behavior, cancellationToken);
        var command = new NpgsqlBatchCommand(CommandText);
        foreach (NpgsqlParameter parameter in Parameters)
            command.Parameters.Add(parameter.Clone());
        _withReset = new(Connection) { EnableErrorBarriers = true, Timeout = CommandTimeout, BatchCommands = { command } };
        foreach (var statement in Reset)
            _withReset.BatchCommands.Add(new(statement));
        AskForText(_withReset, true);
        return await _withReset.ExecuteReaderAsync(behavior, cancellationToken);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _withReset?.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>A batch has no public word for what a command has one for. Should a version of the driver lack this, every test of PostgreSQL fails.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "set_AllResultTypesAreUnknown")]
    static extern void AskForText(NpgsqlBatch batch, bool all);
}

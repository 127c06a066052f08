using Npgsql;
using NpgsqlTypes;

namespace Halo.Link.Engines.Postgres;

/// <summary>A command on its way, with what is needed to prove afterwards what became of it.</summary>
sealed class PostgresCommand : NpgsqlCommand
{
    /// <summary>The server's own limit, on each message.</summary>
    public const int MaxParameters = ushort.MaxValue;

    public PostgresCommand(NpgsqlConnection connection)
    {
        Connection = connection;
        AllResultTypesAreUnknown = true;
    }

    /// <summary>Whether it is sent as it stands, as one message: then the server refuses it unless it is one statement.</summary>
    public bool IsOneMessage { get; private set; }

    /// <summary>Whether it seems to be one statement that the planner takes, which cannot commit by itself.</summary>
    public bool IsPlanned { get; init; }

    /// <summary>The session's count of transactions before it; null: not asked.</summary>
    public uint? TransactionBefore { get; set; }

    /// <summary>Sends it as one message. The driver rewrites and cuts no text whose parameters have no names; where there are none, it gets one that nothing refers to.</summary>
    public void SendAsOneMessage()
    {
        IsOneMessage = true;
        if (Parameters.Count == 0)
            Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Integer, Value = 0 });
    }
}

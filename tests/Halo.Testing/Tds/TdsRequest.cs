namespace Halo.Testing.Tds;

/// <summary>What a client asked: a batch of SQL, or a procedure by name.</summary>
/// <param name="Session">The connection that it came over, with its state.</param>
/// <param name="Text">The SQL: of a batch, or the statement that <c>sp_executesql</c> was given; null where a procedure was called by name.</param>
/// <param name="Procedure">The procedure; <c>sp_executesql</c> for a text with parameters; null for a batch.</param>
/// <param name="Parameters">In the order in which they came, without the text and declarations of <c>sp_executesql</c>.</param>
/// <param name="Resets">Whether the client asked for the connection's reset before it (RESETCONNECTION).</param>
public sealed record TdsRequest(TdsSession Session, string? Text, string? Procedure, IReadOnlyList<TdsParameter> Parameters, bool Resets)
{
    /// <summary>Whether the answer is a procedure's: DONEINPROC, RETURNSTATUS, DONEPROC.</summary>
    public bool IsProcedure => Procedure is not null;

    /// <summary>The procedure, or the text.</summary>
    public string Asked => Text ?? Procedure!;
}

/// <summary>A parameter as it arrived.</summary>
/// <param name="Name">With its @; empty: by its place.</param>
/// <param name="Type">Its type.</param>
/// <param name="Value">Decoded; null: NULL. A table is a list of rows.</param>
/// <param name="IsOutput">Whether its value is wanted back.</param>
public sealed record TdsParameter(string Name, TdsTypeInfo Type, object? Value, bool IsOutput);

/// <summary>A client's connection, and the state that its session has in the server.</summary>
public sealed class TdsSession(TdsServer server, TdsLogin login)
{
    readonly List<string> _pending = [];

    /// <summary>What the client said of itself.</summary>
    public TdsLogin Login => login;

    /// <summary>The current database.</summary>
    public string Database { get; set; } = login.Database.Length == 0 ? "master" : login.Database;

    /// <summary><c>@@TRANCOUNT</c>.</summary>
    public int TranCount { get; private set; }

    /// <summary>How often it was reset for another use.</summary>
    public int Resets { get; private set; }

    /// <summary>Does something that a test counts: at once, or with the open transaction.</summary>
    public void Effect(string name)
    {
        if (TranCount > 0)
            _pending.Add(name);
        else
            server.Count(name);
    }

    public void Begin() => TranCount++;

    public void Commit()
    {
        if (TranCount > 0 && --TranCount == 0)
        {
            _pending.ForEach(server.Count);
            _pending.Clear();
        }
    }

    public void RollBack()
    {
        TranCount = 0;
        _pending.Clear();
    }

    internal void Reset()
    {
        Resets++;
        RollBack();
        Database = login.Database.Length == 0 ? "master" : login.Database;
    }
}

/// <summary>LOGIN7, as far as tests look at it.</summary>
/// <param name="PacketSize">What the client proposes.</param>
/// <param name="ReadIntent"><c>ApplicationIntent=ReadOnly</c>.</param>
public sealed record TdsLogin(string User, string Password, string Application, string Server, string Database, int PacketSize, bool ReadIntent);

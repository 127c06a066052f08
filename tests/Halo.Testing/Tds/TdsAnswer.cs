namespace Halo.Testing.Tds;

/// <summary>What a script sends for one request. Tokens gather until they are flushed or the script ends; the last DONE is written then.</summary>
public sealed class TdsAnswer
{
    const byte DoneToken = 0xFD, DoneProcedureToken = 0xFE, DoneInProcedureToken = 0xFF;
    const int Large = 64 * 1024;

    readonly TdsPackets _packets;
    readonly Action _drop;
    readonly CancellationToken _stop;
    readonly TdsTokens _tokens = new();
    readonly TaskCompletionSource _attention = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly Lock _lock = new();
    IReadOnlyList<TdsColumn> _columns = [];
    (TdsDone Status, ushort Command, long Count)? _held;
    bool _over;
    int? _dropAfter;

    internal TdsAnswer(TdsPackets packets, TdsRequest request, Action drop, CancellationToken stop)
    {
        (_packets, Request, _drop, _stop) = (packets, request, drop, stop);
        if (request.Resets)
            _tokens.Environment(18, [], []);
    }

    public TdsRequest Request { get; }

    /// <summary>Completes when the client asks for the statement to be cancelled.</summary>
    public Task Attention => _attention.Task;

    /// <summary>The client is gone: what waits for its attention ends, as a statement does at a real server.</summary>
    internal void EndConnection() => _attention.TrySetException(new IOException("The connection ended."));

    /// <summary>What a procedure returns. Not zero after an error, as with sp_executesql.</summary>
    public int Status { get; set; }

    /// <summary>Leave it false to make a server that does not acknowledge an attention at all.</summary>
    public bool AcknowledgesAttention { get; set; } = true;

    /// <summary>Set by a script that the attention cut off: neither a return status nor a DONE of its own follows.</summary>
    public bool IsCutOff { get; set; }

    public void Columns(params TdsColumn[] columns)
    {
        EmitHeld();
        _columns = columns;
        _tokens.Columns(columns);
    }

    public void Row(params object?[] values)
    {
        EmitHeld();
        _tokens.Row(_columns, values);
    }

    /// <summary>The same row as NBCROW.</summary>
    public void RowWithNulls(params object?[] values)
    {
        EmitHeld();
        _tokens.RowWithNulls(_columns, values);
    }

    public void Info(int number, string text, byte severity = 0) => Message(isError: false, number, severity, text, "", 1);

    /// <summary>An error, and its statement's DONE unless <paramref name="ends"/> is false.</summary>
    public void Error(int number, string text, byte severity = 16, string procedure = "", int line = 1, bool ends = true)
    {
        Message(isError: true, number, severity, text, procedure, line);
        Status = number;
        if (ends)
            Hold(TdsDone.Error, 0, 0);
    }

    /// <summary>A statement's end with its count of rows; null: none, as under NOCOUNT.</summary>
    public void Done(TdsCommand command, long? count) =>
        Hold(count is null ? TdsDone.Final : TdsDone.Count, (ushort)command, count ?? 0);

    /// <summary>The end of a trigger's statement, which comes before the end of the statement that fired it.</summary>
    public void DoneInTrigger(TdsCommand command, long count)
    {
        EmitHeld();
        _tokens.Done(DoneInProcedureToken, TdsDone.Count | TdsDone.More, (ushort)command, count);
    }

    /// <param name="pieceBytes">Longest piece of a value without a bound. Pieces of an even length end with their packet at the latest, as servers cut them.</param>
    public void Output(string name, TdsTypeInfo type, object? value, int pieceBytes = 4096)
    {
        EmitHeld();
        _tokens.ReturnValue(0, name, type, value, pieceBytes, _packets.FullBody());
    }

    /// <summary>BEGIN, COMMIT and ROLLBACK TRANSACTION: the session's state, and what the client is told of it.</summary>
    public void Begin()
    {
        EmitHeld();
        Request.Session.Begin();
        if (Request.Session.TranCount == 1)
            _tokens.Environment(8, [1, 0, 0, 0, 0, 0, 0, 0], []);
    }

    public void Commit()
    {
        EmitHeld();
        Request.Session.Commit();
        if (Request.Session.TranCount == 0)
            _tokens.Environment(9, [], [1, 0, 0, 0, 0, 0, 0, 0]);
    }

    public void RollBack()
    {
        EmitHeld();
        if (Request.Session.TranCount > 0)
            _tokens.Environment(10, [], [1, 0, 0, 0, 0, 0, 0, 0]);
        Request.Session.RollBack();
    }

    public void Use(string database)
    {
        EmitHeld();
        _tokens.Environment(1, database, Request.Session.Database);
        Message(isError: false, 5701, 0, $"Changed database context to '{database}'.", "", 1);
        Request.Session.Database = database;
    }

    public void Effect(string name) => Request.Session.Effect(name);

    /// <summary>Sends what there is.</summary>
    public async Task FlushAsync()
    {
        EmitHeld();
        if (_tokens.Length > 0)
            await SendAsync(ends: false);
    }

    /// <summary>Sends what there is so many times: results larger than a script could make at the speed at which they are taken.</summary>
    public async Task FlushRepeatedlyAsync(int times)
    {
        EmitHeld();
        var all = _tokens.Take();
        for (var i = 0; i < times; i++)
            await _packets.WriteAsync(all, ends: false, _stop);
    }

    /// <summary>Sends the first so many bytes of what there is, and keeps the rest.</summary>
    public async Task FlushPartAsync(int bytes)
    {
        EmitHeld();
        var all = _tokens.Take();
        await _packets.WriteAsync(all.AsMemory(0, bytes), ends: false, _stop);
        _tokens.Raw(all.AsSpan(bytes));
    }

    /// <summary>Sends what there is where it is much: for results larger than memory.</summary>
    public Task FlushWhenLargeAsync() => _tokens.Length < Large ? Task.CompletedTask : FlushAsync();

    /// <summary>The connection ends once so many bytes of the answer have left.</summary>
    public void DropAfter(int bytes) => _dropAfter = bytes;

    /// <summary>The connection ends now.</summary>
    public void Drop() => _drop();

    /// <returns>False: nothing is under way any more, and whoever calls acknowledges by himself.</returns>
    internal bool Attend()
    {
        lock (_lock)
        {
            if (_over)
                return false;
            _attention.TrySetResult();
            return true;
        }
    }

    internal async Task EndAsync()
    {
        if (!IsCutOff)
            Finish();
        bool attended;
        lock (_lock)
        {
            _over = true;
            attended = _attention.Task.IsCompleted;
        }
        if (IsCutOff)
            EmitHeld();
        if (attended && !AcknowledgesAttention)
            return;
        // What was cut off ends with the acknowledgement; what had ended is followed by a message of its own.
        if (attended && IsCutOff)
            _tokens.Done(DoneToken, TdsDone.Attention, 0, 0);
        await SendAsync(ends: true);
        if (attended && !IsCutOff)
            await AcknowledgeAsync();
    }

    internal async Task AcknowledgeAsync()
    {
        _tokens.Done(DoneToken, TdsDone.Attention, 0, 0);
        await SendAsync(ends: true);
    }

    void Finish()
    {
        if (Request.IsProcedure)
        {
            EmitHeld();
            _tokens.ReturnStatus(Status);
            _tokens.Done(DoneProcedureToken, TdsDone.Final, 0xE0, 0);
            return;
        }
        var (status, command, count) = _held ?? (TdsDone.Final, 0, 0);
        _held = null;
        _tokens.Done(DoneToken, status, command, count);
    }

    async Task SendAsync(bool ends)
    {
        var bytes = _tokens.Take();
        if (_dropAfter is { } left)
        {
            if (bytes.Length >= left)
            {
                await _packets.WriteAsync(bytes.AsMemory(0, left), ends: false, _stop);
                _drop();
                throw new OperationCanceledException("The script dropped the connection.");
            }
            _dropAfter = left - bytes.Length;
        }
        await _packets.WriteAsync(bytes, ends, _stop);
    }

    void Message(bool isError, int number, byte severity, string text, string procedure, int line)
    {
        EmitHeld();
        _tokens.Message(isError, number, severity, text, procedure, line);
    }

    void Hold(TdsDone status, ushort command, long count)
    {
        EmitHeld();
        _held = (status, command, count);
    }

    void EmitHeld()
    {
        if (_held is not var (status, command, count))
            return;
        _held = null;
        _tokens.Done(Request.IsProcedure ? DoneInProcedureToken : DoneToken, status | TdsDone.More, command, count);
    }
}

/// <summary>What ended, as DONE tells it.</summary>
public enum TdsCommand
{
    None = 0,
    Select = 0xC1,
    Insert = 0xC3,
    Delete = 0xC4,
    Update = 0xC5,
    Merge = 0x117,
}

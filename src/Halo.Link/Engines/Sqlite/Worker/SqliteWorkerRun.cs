using System.Buffers.Binary;
using System.Runtime.ExceptionServices;
using System.Text;
using System.Text.Json;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines.Running;
using Halo.Link.Rows;
using Halo.LinkProtocol.Failures;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Engines.Sqlite.Worker;

/// <summary>One command in one worker: its rows on their way to the sink, its limit, and what is known of its end.</summary>
sealed class SqliteWorkerRun : IAsyncDisposable
{
    /// <summary>From the wish to stop until the worker is killed. A worker that obeys needs some milliseconds.</summary>
    static readonly TimeSpan KillAfter = TimeSpan.FromSeconds(3);

    readonly SqliteWorkers _workers;
    readonly SqliteWorker _worker;
    readonly CommandRequest _request;
    readonly IRowSink _sink;
    readonly TimeProvider _time;
    readonly CancellationTokenSource _stop = new();
    readonly CancellationTokenRegistration _cancelled;
    readonly Lock _lock = new();
    readonly ITimer _timer;
    Task _saying = Task.CompletedTask;
    bool _sent;
    bool _over;
    bool _killed;

    // What came of it.
    WorkerEnd? _end;
    Exception? _fault;
    Exception? _sinkFault;
    bool _committing;
    bool _taking = true;
    bool _whole = true;
    bool _inRow;
    readonly List<ClosedResult> _closed = [];
    long _rows;

    public SqliteWorkerRun(SqliteWorkers workers, SqliteWorker worker, CommandRequest request, IRowSink sink, TimeProvider time, CancellationToken cancel)
    {
        (_workers, _worker, _request, _sink, _time) = (workers, worker, request, sink, time);
        _timer = time.CreateTimer(static run => ((SqliteWorkerRun)run!).OnTime(), this, request.Limit, Timeout.InfiniteTimeSpan);
        _cancelled = cancel.UnsafeRegister(static run => ((SqliteWorkerRun)run!).Stop(byCaller: true), this);
    }

    /// <summary>The worker was gone before it could be given the command, or that was to be stopped by then.</summary>
    public bool NeverSent { get; private set; }

    /// <summary>The worker has told the end, nothing of the command is left in it, and it can take another.</summary>
    public bool WorkerReusable => _end is { Grown: false, Result.Forced: ForcedEnd.None } && !_killed;

    /// <summary>The worker is dead, and may have left something half-written that was never committed.</summary>
    public bool NeedsRecovery => _end is null && !NeverSent && !_committing && !_request.ReadOnly;

    /// <summary>The command is to be stopped, by whomever.</summary>
    public bool Stopped { get; private set; }

    bool StoppedByCaller { get; set; }

    /// <summary>Gives the worker the command and its rows to the sink, until it has told the end or is dead.</summary>
    public async Task ExecuteAsync(byte[] command)
    {
        lock (_lock)
            NeverSent = Stopped;
        if (NeverSent)
            return;
        try
        {
            _worker.Channel.Send(WorkerFrameKind.Run, command);
        }
        catch (IOException)
        {
            NeverSent = true;
            return;
        }
        lock (_lock)
        {
            _sent = true;
            // Said before the command it would be for nobody.
            if (Stopped)
                Say(WorkerFrameKind.Cancel);
        }
        while (_end is null && _fault is null && _worker.Channel.TryReceive(out var kind, out var payload))
        {
            switch (kind)
            {
                case WorkerFrameKind.Columns:
                    await BeginAsync(JsonSerializer.Deserialize(payload.Span, WorkerJson.Default.IReadOnlyListResultColumn)!);
                    break;
                case WorkerFrameKind.Rows:
                    await TakeAsync(payload);
                    break;
                case WorkerFrameKind.ResultEnds:
                    await CloseResultAsync();
                    break;
                case WorkerFrameKind.Committing:
                    _committing = true;
                    break;
                case WorkerFrameKind.End:
                    _end = JsonSerializer.Deserialize(payload.Span, WorkerJson.Default.WorkerEnd);
                    break;
                case WorkerFrameKind.Fault:
                    _fault = new InvalidOperationException($"The process that queries SQLite met a fault of the Link's own ({Encoding.UTF8.GetString(payload.Span)}).");
                    break;
            }
        }
    }

    /// <summary>Ends only after the last word to the worker has been said, so that none can hit its next command.</summary>
    public async ValueTask DisposeAsync()
    {
        await _cancelled.DisposeAsync();
        Task saying;
        lock (_lock)
        {
            _over = true;
            saying = _saying;
        }
        await _timer.DisposeAsync();
        await saying;
        if (_end is null && _fault is null && !NeverSent && !_killed)
            _workers.Lost(_worker);
    }

    /// <summary>What the caller is told; closes the sink where it has every row.</summary>
    /// <param name="recovered">What a dead worker left half-written was taken back.</param>
    /// <param name="cancel">The caller's wish to stop.</param>
    public async ValueTask<ExecutionResult> ConcludeAsync(bool recovered, CancellationToken cancel)
    {
        if (_sinkFault is not null and not RowSinkException)
            ExceptionDispatchInfo.Throw(_sinkFault);
        if (_fault is not null)
            ExceptionDispatchInfo.Throw(_fault);
        var known = _end?.Result ?? new(Ending.Failed, _request.ReadOnly || NeverSent || recovered ? Executed.No : Executed.Unknown);
        var result = known with { Forced = _killed ? ForcedEnd.SessionEnded : known.Forced, Rows = _request.IsNonQuery ? null : _rows };
        // What may only read took no effect, even where the database had come to its end before it heard of the wish to stop.
        var executed = _request.ReadOnly ? Executed.No : result.Executed;
        if (_sinkFault is RowSinkException full)
            return result with { Ending = Ending.Failed, Executed = executed, Error = full.Error };
        if (Stopped && (_end is null || result.Ending == Ending.Cancelled || !_whole))
            return StoppedByCaller
                ? result with { Ending = Ending.Cancelled, Executed = executed, Error = null }
                : result with { Ending = Ending.Failed, Executed = executed, Error = Failure.TimedOut(executed) with { Index = result.At } };
        if (_end is null)
            return result with { Error = Failure.WorkerLost(executed) };
        if (result.Ending != Ending.Successful || _request.IsNonQuery)
            return result;
        if (result.Results is { } results && _taking)
            result = result with { Results = WithSizes(results) };
        try
        {
            await _sink.EndAsync(cancel);
            return result;
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return result with { Ending = Ending.Cancelled, Executed = executed };
        }
        catch (RowSinkException late)
        {
            return result with { Ending = Ending.Failed, Executed = executed, Error = late.Error };
        }
    }

    async ValueTask BeginAsync(IReadOnlyList<ResultColumn> columns)
    {
        try
        {
            await _sink.BeginAsync(columns, _stop.Token);
        }
        catch (Exception e)
        {
            Refuse(e);
        }
    }

    async ValueTask CloseResultAsync()
    {
        if (!_taking)
            return;
        try
        {
            _closed.Add(await _sink.CloseResultAsync(_stop.Token));
        }
        catch (Exception e)
        {
            Refuse(e);
        }
    }

    /// <summary>What the worker tells of each result, and what this side's sink has of those with rows, which are closed in their order.</summary>
    List<BatchResult> WithSizes(IReadOnlyList<BatchResult> results)
    {
        var next = 0;
        return [.. results.Select(r => r.Rows is null ? r : r with { Size = _closed[next].Bytes, PageCount = _closed[next++].Pages })];
    }

    async ValueTask TakeAsync(ReadOnlyMemory<byte> rows)
    {
        for (var next = 0; next < rows.Length && _taking;)
        {
            var header = BinaryPrimitives.ReadUInt32LittleEndian(rows.Span[next..]);
            var length = (int)(header & ~WorkerRowSink.RowEnds);
            next += WorkerRowSink.PieceHeader;
            try
            {
                _stop.Token.ThrowIfCancellationRequested();
                Copy(rows.Span.Slice(next, length));
                if ((header & WorkerRowSink.RowEnds) != 0)
                    await EndRowAsync();
            }
            catch (Exception e)
            {
                Refuse(e);
            }
            next += length;
        }
    }

    void Copy(ReadOnlySpan<byte> piece)
    {
        if (!_inRow)
            _sink.BeginRow();
        _inRow = true;
        var buffer = _sink.Buffer;
        while (piece.Length > 0)
        {
            var part = piece[..Math.Min(piece.Length, JsonPieces.Bytes)];
            part.CopyTo(buffer.GetSpan(part.Length));
            buffer.Advance(part.Length);
            piece = piece[part.Length..];
        }
    }

    async ValueTask EndRowAsync()
    {
        _inRow = false;
        var more = _sink.EndRowAsync(_stop.Token);
        if (more.IsCompletedSuccessfully)
            _taking = more.Result;
        else
        {
            _taking = await more;
            // This thread blocks next: it must not be the one that woke it, which may be the line's or a timer's.
            await Task.Yield();
        }
        _rows++;
        if (!_taking)
            Say(WorkerFrameKind.Enough);
    }

    /// <summary>The sink threw, or the command is being stopped: the rest is received to learn what the database says.</summary>
    void Refuse(Exception e)
    {
        _taking = _whole = false;
        if (e is OperationCanceledException && _stop.IsCancellationRequested)
            return;
        _sinkFault = e;
        Stop(byCaller: false);
    }

    void OnTime()
    {
        lock (_lock)
        {
            if (_over)
                return;
            if (Stopped)
            {
                _killed = true;
                _workers.Kill(_worker);
                return;
            }
        }
        Stop(byCaller: false);
    }

    void Stop(bool byCaller)
    {
        lock (_lock)
        {
            if (_over || Stopped)
                return;
            (Stopped, StoppedByCaller) = (true, byCaller);
            if (_sent)
                Say(WorkerFrameKind.Cancel);
            _timer.Change(KillAfter, Timeout.InfiniteTimeSpan);
        }
        // Whoever waits with this token goes on where it wakes: not here, on the thread of a timer or of the line.
        _ = _stop.CancelAsync();
    }

    /// <summary>On another thread, since a pipe may be full.</summary>
    void Say(WorkerFrameKind kind)
    {
        lock (_lock)
        {
            if (_over)
                return;
            _saying = _saying.ContinueWith(_ =>
            {
                try
                {
                    _worker.Channel.Send(kind);
                }
                catch (Exception e) when (e is IOException or ObjectDisposedException)
                {
                    // It is gone; the reading side sees it.
                }
            }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }
    }

}

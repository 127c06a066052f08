using System.Buffers;
using System.IO.Pipelines;
using Halo.Contracts.Queries;
using Halo.LinkProtocol;

namespace Halo.Api.Queries.Immediate.Pending;

/// <summary>
/// The rows of one immediate query between the line and its caller. The line's side never waits; the Link is granted more
/// only as the caller's side has taken, so what stands here is bounded by the credit window.
/// </summary>
sealed class RowFlow : IDisposable
{
    readonly Lock _lock = new();
    readonly Pipe _pipe = new(new PipeOptions(
        pauseWriterThreshold: 0, minimumSegmentSize: ProtocolLimits.MaxChunkBytes, useSynchronizationContext: false));
    readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    Action<int>? _grant;
    bool _ended;
    long _held;
    int _ungranted;

    /// <summary>The query's id, once it was sent.</summary>
    public Guid QueryId { get; private set; }

    /// <summary>Completes when the query can be found by its id, and fails where the store did not take it: before that nobody is told of it.</summary>
    public Task Recorded { get; set; } = Task.CompletedTask;

    /// <summary>The columns, known before <see cref="Begun"/>.</summary>
    public IReadOnlyList<ResultColumn> Columns { get; set; } = [];

    /// <summary>Completes with the first rows.</summary>
    public Task Begun => _begun.Task;

    /// <summary>The query is about to be sent.</summary>
    /// <param name="grant">Lets its Link send so many more bytes.</param>
    public void Open(Guid queryId, Action<int> grant) => (QueryId, _grant) = (queryId, grant);

    /// <summary>A piece arrived. Never waits.</summary>
    public void Add(ReadOnlySpan<byte> rows)
    {
        lock (_lock)
        {
            if (_ended || rows.IsEmpty)
                return;
            if ((_held += rows.Length) > 2 * ProtocolLimits.CreditWindowBytes)
            {
                _ended = true;
                _pipe.Writer.Complete(new InvalidDataException("The Link sent more rows than it was granted."));
                return;
            }
            _pipe.Writer.Write(rows);
            // Without a threshold it is always done at once.
            _ = _pipe.Writer.FlushAsync().AsTask();
        }
        _begun.TrySetResult();
    }

    /// <summary>Nothing more comes.</summary>
    public void End()
    {
        lock (_lock)
        {
            if (!_ended)
                _pipe.Writer.Complete();
            _ended = true;
        }
    }

    /// <summary>What has come, at most one frame's worth; empty at the end. To be told <see cref="Taken"/>.</summary>
    public async ValueTask<ReadOnlySequence<byte>> ReadAsync(CancellationToken stop)
    {
        var read = await _pipe.Reader.ReadAsync(stop);
        return read.Buffer.Slice(0, Math.Min(read.Buffer.Length, ProtocolLimits.MaxChunkBytes));
    }

    /// <summary>The caller has taken these: the Link may send as many more, told in larger steps than it sends.</summary>
    public void Taken(ReadOnlySequence<byte> rows)
    {
        var length = (int)rows.Length;
        _pipe.Reader.AdvanceTo(rows.End);
        lock (_lock)
            _held -= length;
        _ungranted += length;
        if (_ungranted < ProtocolLimits.CreditWindowBytes / 2)
            return;
        _grant?.Invoke(_ungranted);
        _ungranted = 0;
    }

    /// <summary>Takes the rest for nobody, so that the statement comes to its end.</summary>
    /// <returns>False: what is left cannot be taken.</returns>
    public async Task<bool> DropAsync(CancellationToken stop)
    {
        try
        {
            while (await ReadAsync(stop) is { IsEmpty: false } piece)
                Taken(piece);
            return true;
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        End();
        _pipe.Reader.Complete();
    }
}

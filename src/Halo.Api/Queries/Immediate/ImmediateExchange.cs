using System.Buffers;
using Halo.Api.Links;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Queries.Immediate;

/// <summary>One immediate query under way: what its Link has sent so far, and who waits for it.</summary>
/// <param name="stream">Where rows go as they come; null: they are kept here until the end.</param>
public sealed class ImmediateExchange(Guid queryId, LinkSession session, RowFlow? stream = null) : IDisposable
{
    readonly Lock _lock = new();
    readonly List<ArraySegment<byte>> _chunks = [];
    readonly TaskCompletionSource<ImmediateEnd> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    bool _cancelAsked;
    bool _disposed;
    long _ungranted;

    public Guid QueryId => queryId;

    /// <summary>The session by which it was sent; the end may be told by a later one of the same run.</summary>
    public LinkSession Session => session;

    /// <summary>The integrator asked to stop it. The Link is told after it has the command, since it ignores the Cancel of a query that it does not know.</summary>
    public bool CancelAsked
    {
        get => Volatile.Read(ref _cancelAsked);
        set => Interlocked.Exchange(ref _cancelAsked, value);
    }

    /// <summary>Columns, once known.</summary>
    public IReadOnlyList<ResultColumn>? Columns
    {
        get;
        set
        {
            field = value;
            if (stream is not null && value is not null)
                stream.Columns = value;
        }
    }

    /// <summary>Bytes of rows that arrived.</summary>
    public long Received { get; private set; }

    /// <summary>How it ended; set when the ledger has it.</summary>
    public Task<ImmediateEnd> End => _end.Task;

    /// <summary>The rows' JSON, in order.</summary>
    public IReadOnlyList<ArraySegment<byte>> Chunks => _chunks;

    /// <summary>Keeps a copy of a piece of the result, up to a bound.</summary>
    /// <returns>Bytes to grant the Link anew, 0 for none yet: told in larger steps than it sends.</returns>
    public int Add(ReadOnlySpan<byte> rows, long bound, int window)
    {
        lock (_lock)
        {
            Received += rows.Length;
            if (stream is not null)
            {
                // It grants by itself, as its reader takes them.
                stream.Add(rows);
                return 0;
            }
            if (!_disposed && Received <= bound)
            {
                var copy = ArrayPool<byte>.Shared.Rent(rows.Length);
                rows.CopyTo(copy);
                _chunks.Add(new ArraySegment<byte>(copy, 0, rows.Length));
            }
            _ungranted += rows.Length;
            if (_ungranted < window / 2)
                return 0;
            var grant = (int)_ungranted;
            _ungranted = 0;
            return grant;
        }
    }

    /// <summary>The end is known and durable.</summary>
    public void Complete(ImmediateEnd end) => _end.TrySetResult(end);

    /// <summary>Gives the buffers back; whatever still arrives is dropped.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            foreach (var chunk in _chunks)
                ArrayPool<byte>.Shared.Return(chunk.Array!);
            _chunks.Clear();
        }
    }
}

/// <summary>How an immediate query ended, as the ledger has it.</summary>
/// <param name="Outcome">What its Link said; null where the service settled it.</param>
/// <param name="CompletedAt">When.</param>
public sealed record ImmediateEnd(Outcome? Outcome, DateTimeOffset CompletedAt)
{
    /// <summary>Whether the ledger has it; where it could not be written, the Link tells it again.</summary>
    public bool Recorded { get; init; } = true;
}

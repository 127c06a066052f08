using System.Buffers;
using Halo.Api.Queries.Ledger;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;
using LinkSession = Halo.Api.Links.LinkSession;

namespace Halo.Api.Queries.Immediate;

/// <summary>One immediate query under way: what its Link has sent so far, and who waits for it.</summary>
/// <param name="stream">Where rows go as they come; null: they are kept here until the end.</param>
/// <param name="memory">What it may hold; its own from here on.</param>
sealed class ImmediateExchange(Guid queryId, LinkSession session, ResultMemory.Share memory, RowFlow? stream = null) : IDisposable
{
    // Frames are put together, so that what is held is what is counted, however small they are.
    const int ChunkBytes = 64 * 1024;

    readonly Lock _lock = new();
    readonly List<ArraySegment<byte>> _chunks = [];
    readonly TaskCompletionSource<ImmediateEnd> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    bool _cancelAsked;
    bool _disposed;
    volatile bool _spoiled;
    int _ungranted;

    public Guid QueryId => queryId;

    /// <summary>The session by which it was sent; the end may be told by a later one of the same run.</summary>
    public LinkSession Session => session;

    /// <summary>Whether a session may tell its end: that by which it was sent, or the next one of the same run. Columns and rows come by the first alone.</summary>
    public bool MayEndBy(LinkSession other) => other.LinkId == session.LinkId && other.RunId == session.RunId;

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

    /// <summary>What the caller should know of the request.</summary>
    public IReadOnlyList<Notice>? Notices { get; init; }

    /// <summary>The accept on its way into the ledger; null where it was durable before the command left.</summary>
    public SentQuery? Sent { get; set; }

    /// <summary>The ledger has the accept, or it is known that it has not.</summary>
    public Task Recorded { get; set; } = Task.CompletedTask;

    /// <summary>Bytes of rows that arrived.</summary>
    public long Received { get; private set; }

    /// <summary>Whether all that arrived is here, or went to who takes it as it comes; nothing is kept beyond the bound.</summary>
    public bool IsWhole => !_spoiled && (stream is not null || _chunks.Sum(c => (long)c.Count) == Received);

    /// <summary>How it ended; set when the ledger has it.</summary>
    public Task<ImmediateEnd> End => _end.Task;

    /// <summary>The rows' JSON, in order.</summary>
    public IReadOnlyList<ArraySegment<byte>> Chunks => _chunks;

    /// <summary>Keeps a copy of a piece of the result, up to a bound.</summary>
    /// <returns>Bytes to grant the Link anew, 0 for none yet: told in larger steps than it sends, and when there is room for them.</returns>
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
            var keeps = !_disposed && Received <= bound;
            if (keeps)
                Keep(rows);
            _ungranted += rows.Length;
            if (_ungranted < window / 2)
                return 0;
            var grant = _ungranted;
            _ungranted = 0;
            return keeps ? memory.Want(grant) : grant;
        }
    }

    /// <summary>A part of the result is lost.</summary>
    public void Spoil() => _spoiled = true;

    /// <summary>The end is known and durable.</summary>
    public void Complete(ImmediateEnd end)
    {
        lock (_lock)
        {
            if (!_disposed && stream is null)
                memory.Keep(_chunks.Sum(c => (long)c.Array!.Length));
        }
        _end.TrySetResult(end);
    }

    /// <summary>Its rows are held once more, in another form, until it is disposed.</summary>
    public void Copied(long bytes)
    {
        lock (_lock)
        {
            if (!_disposed)
                memory.Copy(bytes);
        }
    }

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
        memory.Dispose();
    }

    void Keep(ReadOnlySpan<byte> rows)
    {
        while (!rows.IsEmpty)
        {
            if (_chunks.Count == 0 || _chunks[^1].Count == _chunks[^1].Array!.Length)
                _chunks.Add(new(ArrayPool<byte>.Shared.Rent(_chunks.Count == 0 ? rows.Length : ChunkBytes), 0, 0));
            var last = _chunks[^1];
            var part = rows[..Math.Min(rows.Length, last.Array!.Length - last.Count)];
            part.CopyTo(last.Array.AsSpan(last.Count));
            _chunks[^1] = new(last.Array, 0, last.Count + part.Length);
            rows = rows[part.Length..];
        }
    }
}

/// <summary>How an immediate query ended, as the ledger has it.</summary>
/// <param name="Outcome">What its Link said; null where the service settled it.</param>
/// <param name="CompletedAt">When.</param>
sealed record ImmediateEnd(Outcome? Outcome, DateTimeOffset CompletedAt)
{
    /// <summary>Whether the ledger has it; where it could not be written, the Link tells it again.</summary>
    public bool Recorded { get; init; } = true;
}

using System.Buffers;
using Halo.Api.Ledger.Records;
using Halo.Api.Links.Sessions;
using Halo.Contracts.Queries;

namespace Halo.Api.Queries.Immediate.Pending;

/// <summary>
/// One immediate query from its sending until its end is in the ledger: what is not written of it yet, what its Link has sent so far,
/// and who waits for it. <see cref="PendingQueries"/> holds it.
/// </summary>
/// <param name="sent">What the ledger is to have of it.</param>
/// <param name="session">The session by which it is sent.</param>
/// <param name="memory">What it may hold; its own from here on.</param>
/// <param name="stream">Where rows go as they come; null: they are kept here until the end.</param>
sealed class PendingQuery(SentQuery sent, LinkSession session, ResultMemoryBudget.Share memory, RowFlow? stream = null) : IDisposable
{
    // Frames are put together, so that what is held is what is counted, however small they are.
    const int ChunkBytes = 64 * 1024;

    readonly Lock _lock = new();
    readonly List<ArraySegment<byte>> _chunks = [];
    readonly TaskCompletionSource<(Settlement? End, bool IsRecorded)> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    bool _cancelAsked;
    bool _disposed;
    bool _told;
    volatile bool _spoiled;
    int _ungranted;

    public Guid QueryId => sent.Query.Id;

    /// <summary>What the ledger is to have of it.</summary>
    public SentQuery Sent => sent;

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

    /// <summary>What of it is to be written, and by whom.</summary>
    public PendingRecord Record { get; } = new();

    /// <summary>Bytes of rows that arrived before its caller was told the end. From then on this, <see cref="IsWhole"/> and <see cref="Chunks"/> stay as they are.</summary>
    public long Received { get; private set; }

    /// <summary>Whether all of these are here, or went to who takes them as they come; nothing is kept beyond the bound.</summary>
    public bool IsWhole => !_spoiled && (stream is not null || _chunks.Sum(c => (long)c.Count) == Received);

    /// <summary>What its caller is to be told; set when the ledger has it, or refused it.</summary>
    public Task<(Settlement? End, bool IsRecorded)> Answer => _answer.Task;

    /// <summary>What its caller is told.</summary>
    /// <param name="end">How it ended by its Link's word; null: otherwise, as the ledger says.</param>
    /// <param name="isRecorded">Whether the ledger has it; where it refused, it is written later.</param>
    public void Tell(Settlement? end, bool isRecorded = true)
    {
        lock (_lock)
        {
            _told = true;
            if (!_disposed && stream is null)
                memory.Keep(_chunks.Sum(c => (long)c.Array!.Length));
        }
        _answer.TrySetResult((end, isRecorded));
    }

    /// <summary>The rows' JSON, in order.</summary>
    public IReadOnlyList<ArraySegment<byte>> Chunks => _chunks;

    /// <summary>Keeps a copy of a piece of the result, up to a bound.</summary>
    /// <returns>Bytes to grant the Link anew, 0 for none yet: told in larger steps than it sends, and when there is room for them.</returns>
    public int Add(ReadOnlySpan<byte> rows, long bound, int window)
    {
        lock (_lock)
        {
            // What its caller is given is read without the lock: a Link that sends rows after the end changes nothing of it.
            if (!_told)
                Received += rows.Length;
            if (stream is not null)
            {
                // It grants by itself, as its reader takes them.
                stream.Add(rows);
                return 0;
            }
            var keeps = !_disposed && !_told && Received <= bound;
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

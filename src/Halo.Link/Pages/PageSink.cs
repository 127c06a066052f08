using System.Buffers;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Rows;
using Halo.LinkProtocol.Failures;

namespace Halo.Link.Pages;

/// <summary>
/// Cuts rows into pages in the spool. Each page is a JSON array of its own, closed after the first row that brings it to the
/// page size, so a row is never split; a result without rows is one page <c>[]</c>. Memory: two pieces of a page.
/// </summary>
/// <remarks>
/// A piece is compressed and written on another thread while the database's reader makes the next one; it is never more than one ahead.
/// What is left at the end, which for a small result is all of it, the reader's own thread takes along.
/// </remarks>
sealed class PageSink : IRowSink, IAsyncDisposable
{
    readonly Spool _spool;
    readonly Guid _queryId;
    readonly int _pageBytes;
    readonly Action<IReadOnlyList<ResultColumn>> _begun;
    readonly PageCompressor _compressor;
    readonly PieceBuffer _piece;
    SpoolShare? _share;

    // The piece that is being compressed.
    Task _compressing = Task.CompletedTask;
    long _rowStart;
    long _rowsInPage;
    long _pageStart;
    bool _closed;
    long _closedBytes;
    int _closedPages;
    readonly Lock _abandoning = new();
    bool _abandoned;
    bool _disposed;

    /// <param name="pageBytes">About so many bytes of JSON in a page.</param>
    /// <param name="begun">Called once, with the columns of the first result, before its first row.</param>
    /// <param name="finished">Called with each page, in order, once it is in the spool; mostly on another thread than the reader's.</param>
    public PageSink(Spool spool, Guid queryId, int pageBytes, Action<IReadOnlyList<ResultColumn>> begun, Action<PageInfo> finished)
    {
        (_spool, _queryId, _pageBytes, _begun) = (spool, queryId, pageBytes, begun);
        _compressor = new(spool, finished);
        _piece = new(TakeOverflow);
    }

    /// <summary>The columns, once known.</summary>
    public IReadOnlyList<ResultColumn>? Columns { get; private set; }

    /// <summary>Pages finished. To be read, as what follows, after <see cref="EndAsync"/> or <see cref="DisposeAsync"/>.</summary>
    public int PageCount => _compressor.PageCount;

    /// <summary>Rows in finished pages.</summary>
    public long Rows => _compressor.Rows;

    /// <summary>Bytes of JSON in finished pages.</summary>
    public long Size => _compressor.Size;

    /// <summary>SHA-256 over the digests of all pages in order, in base64; null until the last row is in.</summary>
    public string? Digest { get; private set; }

    /// <inheritdoc/>
    public IBufferWriter<byte> Buffer => _piece;

    /// <inheritdoc/>
    public ValueTask BeginAsync(IReadOnlyList<ResultColumn> columns, CancellationToken stop)
    {
        ColumnBounds.Check(columns);
        lock (_abandoning)
        {
            ThrowIfAbandoned();
            var isFirst = Columns is null;
            Columns = columns;
            _closed = false;
            try
            {
                _share ??= _spool.ShareOf(_queryId);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return ValueTask.FromException(DiskRefused(e));
            }
            if (isFirst)
                _begun(columns);
        }
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public void BeginRow() => _piece.Write(_rowsInPage > 0 ? (byte)',' : (byte)'[');

    /// <inheritdoc/>
    public ValueTask<bool> EndRowAsync(CancellationToken stop)
    {
        _rowsInPage++;
        var endsPage = _piece.Written - _pageStart >= _pageBytes;
        if (!endsPage && !_piece.IsFull)
            return GoOnAsync(stop);
        if (!_compressing.IsCompletedSuccessfully)
            return WaitAndHandOverAsync(endsPage, stop);
        HandOver(endsPage);
        return GoOnAsync(stop);
    }

    /// <inheritdoc/>
    public async ValueTask<ClosedResult> CloseResultAsync(CancellationToken stop)
    {
        await CloseAsync();
        var closed = new ClosedResult(_compressor.Size - _closedBytes, _compressor.PageCount - _closedPages);
        (_closedBytes, _closedPages, _rowStart) = (_compressor.Size, _compressor.PageCount, 0);
        if (_compressor.Fault is { } fault)
            throw DiskRefused(fault);
        return closed;
    }

    /// <inheritdoc/>
    public async ValueTask EndAsync(CancellationToken stop)
    {
        if (!_closed)
            await CloseAsync();
        Digest = _compressor.Digest;
        if (_compressor.Fault is { } fault)
            throw DiskRefused(fault);
    }

    /// <inheritdoc/>
    public void Abandon()
    {
        lock (_abandoning)
            _abandoned = true;
    }

    /// <summary>A page that is not finished is thrown away.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_disposed)
            return;
        _disposed = true;
        await _compressing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _compressor.Dispose();
        // A driver that comes back may still write into what it was given.
        if (!_abandoned)
            _piece.Dispose();
    }

    /// <summary>Ends the page that is open; a result without rows is one page.</summary>
    async ValueTask CloseAsync()
    {
        await _compressing;
        lock (_abandoning)
        {
            ThrowIfAbandoned();
            if (_rowsInPage == 0 && _compressor.PageCount == _closedPages)
                _piece.Write((byte)'[');
            if (_piece.Written > _pageStart)
            {
                var end = EndPage();
                _compressor.Take(_share!, _piece.Take().Span, end);
            }
            _closed = true;
        }
    }

    /// <summary>Waits for the piece before: the database's reader is paced by whichever of the two is slower.</summary>
    async ValueTask<bool> WaitAndHandOverAsync(bool endsPage, CancellationToken stop)
    {
        await _compressing;
        HandOver(endsPage);
        return await GoOnAsync(stop);
    }

    void HandOver(bool endsPage)
    {
        lock (_abandoning)
        {
            ThrowIfAbandoned();
            var end = endsPage ? EndPage() : null;
            var piece = _piece.Take();
            _compressing = Task.Run(() => _compressor.Take(_share!, piece.Span, end));
        }
    }

    PageEnd EndPage()
    {
        _piece.Write((byte)']');
        var end = new PageEnd(_rowStart, _rowsInPage, _piece.Written - _pageStart);
        (_rowStart, _rowsInPage, _pageStart) = (_rowStart + _rowsInPage, 0, _piece.Written);
        return end;
    }

    /// <summary>In the middle of a row, where nobody can be awaited. Long values alone come here, and they come piece by piece.</summary>
    void TakeOverflow()
    {
        _compressing.GetAwaiter().GetResult();
        lock (_abandoning)
        {
            ThrowIfAbandoned();
            _compressor.Take(_share!, _piece.Take().Span, end: null);
        }
    }

    /// <summary>Its query was told without it: what it brought has been removed, and nothing may come after. Under the lock.</summary>
    void ThrowIfAbandoned()
    {
        if (_abandoned)
            throw new OperationCanceledException();
    }

    ValueTask<bool> GoOnAsync(CancellationToken stop)
    {
        if (_compressor.Fault is { } fault)
            return ValueTask.FromException<bool>(DiskRefused(fault));
        return _share!.HasRoom ? ValueTask.FromResult(true) : WaitForRoomAsync(stop);
    }

    async ValueTask<bool> WaitForRoomAsync(CancellationToken stop)
    {
        if (await _spool.WaitForRoomAsync(_share!, stop))
            return true;
        throw new RowSinkException(Failure.SpoolFull);
    }

    static RowSinkException DiskRefused(Exception fault) => new(IsFull(fault) ? Failure.LinkDiskFull : Failure.LinkDiskFailed);

    /// <summary>ENOSPC, EDQUOT; ERROR_DISK_FULL, ERROR_HANDLE_DISK_FULL.</summary>
    static bool IsFull(Exception fault) => OperatingSystem.IsWindows()
        ? (fault.HResult & 0xFFFF) is 112 or 39
        : fault.HResult is 28 or 122;
}

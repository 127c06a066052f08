using System.Buffers;
using System.Security.Cryptography;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.Link.Results;

/// <summary>
/// Cuts rows into pages in the spool. Each page is a JSON array of its own, closed after the first row that brings it to the
/// page size, so a row is never split; a result without rows is one page <c>[]</c>. Memory: one piece of a page.
/// </summary>
/// <param name="pageBytes">About so many bytes of JSON in a page.</param>
/// <param name="begun">Called with the columns, before the first row.</param>
/// <param name="finished">Called with each page, in order, once it is in the spool.</param>
public sealed class PageSink(Spool spool, Guid queryId, int pageBytes, Action<IReadOnlyList<ResultColumn>> begun, Action<PageInfo> finished)
    : IRowSink, IDisposable
{
    readonly IncrementalHash _digests = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    readonly PageCompressor _buffer = new();
    SpoolShare? _share;
    long _rowsInPage;

    /// <summary>The columns, once known.</summary>
    public IReadOnlyList<ResultColumn>? Columns { get; private set; }

    /// <summary>Pages finished.</summary>
    public int PageCount { get; private set; }

    /// <summary>Rows in finished pages.</summary>
    public long Rows { get; private set; }

    /// <summary>Bytes of JSON in finished pages.</summary>
    public long Size { get; private set; }

    /// <summary>SHA-256 over the digests of all pages in order, in base64; null until the last row is in.</summary>
    public string? Digest { get; private set; }

    /// <inheritdoc/>
    public IBufferWriter<byte> Buffer => _buffer;

    /// <inheritdoc/>
    public ValueTask BeginAsync(IReadOnlyList<ResultColumn> columns, CancellationToken stop)
    {
        Columns = columns;
        try
        {
            _share = spool.ShareOf(queryId);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return ValueTask.FromException(DiskRefused(e));
        }
        begun(columns);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public void BeginRow()
    {
        if (_rowsInPage > 0)
            _buffer.Write((byte)',');
        else
            OpenPage();
    }

    /// <inheritdoc/>
    public ValueTask<bool> EndRowAsync(CancellationToken stop)
    {
        _rowsInPage++;
        if (_buffer.JsonBytes >= pageBytes)
            ClosePage();
        if (_buffer.Fault is not null)
            return ValueTask.FromException<bool>(DiskRefused(_buffer.Fault));
        return _share!.HasRoom ? ValueTask.FromResult(true) : WaitForRoomAsync(stop);
    }

    /// <inheritdoc/>
    public ValueTask EndAsync(CancellationToken stop)
    {
        if (PageCount == 0 && _rowsInPage == 0)
            OpenPage();
        if (_buffer.IsOpen)
            ClosePage();
        Digest = Convert.ToBase64String(_digests.GetCurrentHash());
        return _buffer.Fault is null ? ValueTask.CompletedTask : ValueTask.FromException(DiskRefused(_buffer.Fault));
    }

    /// <summary>A page that is not finished is thrown away.</summary>
    public void Dispose()
    {
        _buffer.Dispose();
        _digests.Dispose();
    }

    void OpenPage()
    {
        _buffer.Open(() => spool.BeginPage(_share!, PageCount + 1));
        _buffer.Write((byte)'[');
    }

    void ClosePage()
    {
        _buffer.Write((byte)']');
        if (_buffer.Close(Rows, _rowsInPage) is not { } page)
            return;
        _digests.AppendData(page.Digest);
        PageCount++;
        Rows += page.RowCount;
        Size += page.JsonSize;
        _rowsInPage = 0;
        finished(page);
    }

    async ValueTask<bool> WaitForRoomAsync(CancellationToken stop)
    {
        if (await spool.WaitForRoomAsync(_share!, stop))
            return true;
        throw new RowSinkException(new(ErrorTypes.HaloLink, 507,
            "The agent's disk buffer is full and the uplink too slow to empty it; the statement was cancelled. Ask for less at once, or try again when the line is free.")
        { Code = FailureCodes.SpoolFull });
    }

    static RowSinkException DiskRefused(Exception fault) => IsFull(fault)
        ? new(new(ErrorTypes.HaloLink, 507, "The disk of the agent is full; the statement was cancelled. Make room there.") { Code = FailureCodes.SpoolFull })
        : new(new(ErrorTypes.HaloLink, 500, "The agent could not write to its disk buffer; the statement was cancelled. Look at its disk.")
        { Code = FailureCodes.LinkError });

    /// <summary>ENOSPC, EDQUOT; ERROR_DISK_FULL, ERROR_HANDLE_DISK_FULL.</summary>
    static bool IsFull(Exception fault) => OperatingSystem.IsWindows()
        ? (fault.HResult & 0xFFFF) is 112 or 39
        : fault.HResult is 28 or 122;
}

using System.Buffers;
using Halo.Contracts.Queries;
using Halo.Link.Rows;

namespace Halo.Bench.Micro;

/// <summary>Rows are encoded and forgotten.</summary>
sealed class NullSink : IRowSink, IBufferWriter<byte>
{
    readonly byte[] _buffer = new byte[64 * 1024];

    public IBufferWriter<byte> Buffer => this;

    public ValueTask BeginAsync(IReadOnlyList<ResultColumn> columns, CancellationToken stop) => ValueTask.CompletedTask;

    public void BeginRow()
    {
    }

    public ValueTask<bool> EndRowAsync(CancellationToken stop) => ValueTask.FromResult(true);

    public ValueTask EndAsync(CancellationToken stop) => ValueTask.CompletedTask;

    public void Advance(int count)
    {
    }

    public Memory<byte> GetMemory(int sizeHint = 0) => _buffer;

    public Span<byte> GetSpan(int sizeHint = 0) => _buffer;
}

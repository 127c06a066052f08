using BenchmarkDotNet.Attributes;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;

namespace Halo.Bench.Micro;

/// <summary>A frame of rows to bytes and back.</summary>
public class FrameBenchmarks
{
    public const int Frames = 1_000;
    readonly byte[] _buffer = new byte[FrameCodec.MaxHeaderBytes + ProtocolLimits.MaxChunkBytes];
    readonly byte[] _payload = new byte[ProtocolLimits.MaxChunkBytes];
    readonly Guid _query = Guid.CreateVersion7();

    [Benchmark(OperationsPerInvoke = Frames, Description = "frame of 32 KiB: write")]
    public int Write()
    {
        var length = 0;
        for (var i = 0; i < Frames; i++)
        {
            length = FrameCodec.WriteHeader(_buffer, FrameKind.Rows, _query);
            _payload.CopyTo(_buffer.AsSpan(length));
        }
        return length;
    }

    [Benchmark(OperationsPerInvoke = Frames, Description = "frame of 32 KiB: read")]
    public int Read()
    {
        FrameCodec.WriteHeader(_buffer, FrameKind.Rows, _query);
        var length = 0;
        for (var i = 0; i < Frames; i++)
            length += FrameCodec.TryRead(_buffer, out var frame) ? frame.Payload.Length : throw new InvalidOperationException("No frame.");
        return length;
    }
}

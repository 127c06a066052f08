using FsCheck;
using FsCheck.Fluent;
using Halo.LinkProtocol.Frames;

namespace Halo.LinkProtocol.Tests;

public class FrameCodecTests
{
    /// <summary>Any byte is a kind: a newer end may send kinds that this one does not know.</summary>
    static readonly Gen<Sample> AnyFrame =
        from kind in Gen.Choose(0, 255)
        from id in ArbMap.Default.GeneratorFor<Guid>()
        from payload in ArbMap.Default.GeneratorFor<byte[]>()
        select new Sample((FrameKind)(byte)kind, FrameCodec.HasQueryId((FrameKind)(byte)kind) ? id : Guid.Empty, payload ?? []);

    [Fact]
    public void Any_frame_comes_back_as_it_was_written() =>
        Prop.ForAll(AnyFrame.ToArbitrary(), sample =>
        {
            Assert.True(FrameCodec.TryRead(Write(sample), out var frame));
            Assert.Equal(sample.Kind, frame.Kind);
            Assert.Equal(sample.QueryId, frame.QueryId);
            Assert.Equal(sample.Payload, frame.Payload.ToArray());
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Frames_survive_any_split_of_their_bytes() =>
        Prop.ForAll(
            AnyFrame.ListOf().ToArbitrary(),
            Gen.Choose(1, 64).NonEmptyListOf().ToArbitrary(),
            (samples, pieces) =>
            {
                using var assembler = new FrameAssembler();
                var turn = 0;
                foreach (var sample in samples)
                {
                    var message = Write(sample);
                    for (var sent = 0; sent < message.Length;)
                    {
                        var memory = assembler.GetMemory();
                        Assert.False(memory.IsEmpty);
                        var piece = Math.Min(Math.Min(pieces[turn++ % pieces.Count], message.Length - sent), memory.Length);
                        message.AsMemory(sent, piece).CopyTo(memory);
                        assembler.Advance(piece);
                        sent += piece;
                    }
                    Assert.Equal(message, assembler.Message.ToArray());
                    assembler.Reset();
                }
            }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_message_shorter_than_its_header_is_no_frame()
    {
        Assert.False(FrameCodec.TryRead(ReadOnlyMemory<byte>.Empty, out _));
        for (var length = 1; length < FrameCodec.MaxHeaderBytes; length++)
        {
            var message = new byte[length];
            message[0] = (byte)FrameKind.Rows;
            Assert.False(FrameCodec.TryRead(message, out _));
        }
    }

    [Fact]
    public void A_kind_without_a_query_id_has_a_header_of_one_byte()
    {
        Assert.True(FrameCodec.TryRead(new byte[] { (byte)FrameKind.Ping }, out var frame));
        Assert.Equal(FrameKind.Ping, frame.Kind);
        Assert.Equal(Guid.Empty, frame.QueryId);
        Assert.True(frame.Payload.IsEmpty);
    }

    [Fact]
    public void The_query_id_stands_in_the_order_in_which_it_is_written()
    {
        var header = new byte[FrameCodec.MaxHeaderBytes];
        FrameCodec.WriteHeader(header, FrameKind.Cancel, Guid.Parse("00112233-4455-6677-8899-aabbccddeeff"));
        Assert.Equal("1100112233445566778899AABBCCDDEEFF", Convert.ToHexString(header));
    }

    [Theory]
    [InlineData(0x7F, 3)]
    [InlineData(0xFE, 3 + 16)]
    public void An_unknown_kind_is_read_and_left_to_the_handler_to_ignore(byte kind, int payload)
    {
        var message = new byte[FrameCodec.MaxHeaderBytes + 3];
        message[0] = kind;
        Assert.True(FrameCodec.TryRead(message, out var frame));
        Assert.Equal((FrameKind)kind, frame.Kind);
        Assert.Equal(payload, frame.Payload.Length);
    }

    static byte[] Write(Sample sample)
    {
        var buffer = new byte[FrameCodec.MaxHeaderBytes + sample.Payload.Length];
        var header = FrameCodec.WriteHeader(buffer, sample.Kind, sample.QueryId);
        Assert.Equal(FrameCodec.HeaderBytes(sample.Kind), header);
        sample.Payload.CopyTo(buffer, header);
        return buffer[..(header + sample.Payload.Length)];
    }

    public sealed record Sample(FrameKind Kind, Guid QueryId, byte[] Payload);
}

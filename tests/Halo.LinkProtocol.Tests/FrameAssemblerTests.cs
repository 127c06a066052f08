using Halo.LinkProtocol.Frames;

namespace Halo.LinkProtocol.Tests;

public class FrameAssemblerTests
{
    [Fact]
    public void Of_a_message_that_is_passed_over_its_start_is_kept()
    {
        using var assembler = new FrameAssembler();
        for (var i = 0; i < 1000; i++)
        {
            Fill(assembler, 10_000);
            assembler.KeepFirst(10_000);
        }
        Assert.Equal(10_000, assembler.Message.Length);
        Assert.InRange(assembler.GetMemory().Length, 1, 64 * 1024);
    }

    [Fact]
    public void A_large_message_leaves_no_large_buffer_behind()
    {
        using var assembler = new FrameAssembler();
        Fill(assembler, 1_000_000);
        assembler.Reset();
        Assert.True(assembler.GetMemory().Length <= 64 * 1024);
    }

    [Fact]
    public void A_message_as_large_as_the_last_finds_room_at_once()
    {
        using var assembler = new FrameAssembler();
        Assert.InRange(assembler.GetMemory().Length, 1, 8 * 1024);
        Fill(assembler, 33_000);
        assembler.Reset();
        Assert.True(assembler.Message.IsEmpty);
        Assert.True(assembler.GetMemory().Length >= 33_000);
        Fill(assembler, 17);
        assembler.Reset();
        Assert.InRange(assembler.GetMemory().Length, 1, 8 * 1024);
    }

    [Fact]
    public void What_was_received_stays_when_the_buffer_grows()
    {
        using var assembler = new FrameAssembler();
        Fill(assembler, 100_000);
        Assert.True(assembler.Message.Span.IndexOfAnyExcept((byte)7) < 0);
    }

    static void Fill(FrameAssembler assembler, int bytes)
    {
        while (bytes > 0)
        {
            var memory = assembler.GetMemory();
            var piece = Math.Min(memory.Length, bytes);
            memory.Span[..piece].Fill(7);
            assembler.Advance(piece);
            bytes -= piece;
        }
    }
}

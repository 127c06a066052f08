using System.Buffers;
using Halo.Api.Queries.Immediate.Pending;
using Halo.LinkProtocol;

namespace Halo.Api.Tests.Queries.Immediate.Pending;

public class RowFlowTests
{
    readonly List<int> _grants = [];

    RowFlow Open()
    {
        var flow = new RowFlow();
        flow.Open(Guid.NewGuid(), _grants.Add);
        return flow;
    }

    [Fact]
    public async Task Credit_is_granted_only_for_what_was_taken()
    {
        using var flow = Open();
        var frame = new byte[ProtocolLimits.MaxChunkBytes];
        for (var i = 0; i < ProtocolLimits.CreditWindowBytes / frame.Length; i++)
            flow.Add(frame);
        Assert.Empty(_grants);
        var taken = 0L;
        while (taken < ProtocolLimits.CreditWindowBytes)
        {
            var piece = await flow.ReadAsync(default);
            taken += piece.Length;
            flow.Taken(piece);
            Assert.True(_grants.Sum() <= taken);
        }
        Assert.Equal(ProtocolLimits.CreditWindowBytes, _grants.Sum());
    }

    [Fact]
    public async Task Pieces_come_out_in_order_and_then_the_end()
    {
        using var flow = Open();
        flow.Add("[1"u8);
        flow.Add(default);
        flow.Add(",2]"u8);
        flow.End();
        flow.Add("late"u8);
        var all = new List<byte>();
        while (await flow.ReadAsync(default) is { IsEmpty: false } piece)
        {
            all.AddRange(piece.ToArray());
            flow.Taken(piece);
        }
        Assert.Equal("[1,2]"u8.ToArray(), all);
    }

    [Fact]
    public async Task A_link_that_sends_beyond_its_credit_fills_no_memory()
    {
        using var flow = Open();
        var frame = new byte[ProtocolLimits.MaxChunkBytes];
        for (var i = 0; i < 100; i++)
            flow.Add(frame);
        await Assert.ThrowsAsync<InvalidDataException>(async () => await flow.ReadAsync(default));
    }
}

using Halo.Api.Queries.Immediate.Pending;
using Halo.Api.Settings;

namespace Halo.Api.Tests.Queries.Immediate.Pending;

public class ResultMemoryBudgetTests
{
    const int Window = ResultMemoryBudget.Window, Result = 1024 * 1024, Piece = Window / 2;
    const int Total = 3 * Result;

    static ResultMemoryBudget Memory() => new(new QueryLimits { ImmediateResultBytes = Result, ResultMemoryBytes = Total });

    static async Task<ResultMemoryBudget.Share> EnterAsync(ResultMemoryBudget memory, Action<int>? grant = null, bool grows = true) =>
        Assert.IsType<ResultMemoryBudget.Share>(await memory.EnterAsync(grows, grant ?? (_ => { }), default));

    [Fact]
    public async Task Nothing_is_withheld_while_there_is_room()
    {
        var memory = Memory();
        using var one = await EnterAsync(memory);
        using var two = await EnterAsync(memory);
        Assert.Equal(Piece, one.Want(Piece));
        Assert.Equal(Piece, two.Want(Piece));
        Assert.Equal(2 * Window + 2 * Piece, memory.Used);
    }

    [Fact]
    public async Task The_oldest_may_always_grow_to_a_whole_result_whatever_the_others_want()
    {
        var memory = Memory();
        using var first = await EnterAsync(memory);
        var others = new List<ResultMemoryBudget.Share>();
        using var full = new CancellationTokenSource();
        await full.CancelAsync();
        while (await memory.EnterAsync(true, _ => { }, full.Token) is { } other)
        {
            others.Add(other);
            while (other.Want(Piece) > 0)
            {
            }
        }
        Assert.True(memory.Used <= Total, $"{memory.Used} of {Total} bytes");
        for (var held = Window; held < Result + Window; held += Piece)
            Assert.Equal(Piece, first.Want(Piece));
        Assert.True(memory.Used <= Total, $"{memory.Used} of {Total} bytes");
        others.ForEach(o => o.Dispose());
    }

    [Fact]
    public async Task What_was_withheld_is_granted_in_order_when_there_is_room_again()
    {
        var memory = Memory();
        var granted = new List<string>();
        var first = await EnterAsync(memory);
        var shares = new List<ResultMemoryBudget.Share>();
        foreach (var name in new[] { "second", "third" })
            shares.Add(await EnterAsync(memory, bytes => granted.Add($"{name} {bytes}")));
        foreach (var share in shares)
        {
            while (share.Want(Piece) > 0)
            {
            }
        }
        Assert.Empty(granted);
        first.Dispose();
        Assert.Equal($"second {Piece}", granted[0]);
        shares[0].Dispose();
        Assert.Contains($"third {Piece}", granted);
        shares[1].Dispose();
        Assert.Equal(0, memory.Used);
    }

    [Fact]
    public async Task Who_finds_no_room_waits_in_order_and_gives_up_when_its_time_is_over()
    {
        var memory = Memory();
        var held = new List<ResultMemoryBudget.Share> { await EnterAsync(memory) };
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        while (await memory.EnterAsync(true, _ => { }, now.Token) is { } more)
            held.Add(more);
        using var patience = new CancellationTokenSource();
        var impatient = memory.EnterAsync(true, _ => { }, patience.Token);
        var patient = memory.EnterAsync(true, _ => { }, default);
        Assert.Equal(2, memory.Waiting);
        await patience.CancelAsync();
        Assert.Null(await impatient);
        Assert.False(patient.IsCompleted);
        held[^1].Dispose();
        Assert.NotNull(await patient);
        Assert.Equal(0, memory.Waiting);
    }

    [Fact]
    public async Task What_has_all_its_rows_holds_these_alone_until_its_caller_has_them()
    {
        var memory = Memory();
        using var stream = await EnterAsync(memory, grows: false);
        Assert.Equal(0, stream.Want(Piece));
        var small = await EnterAsync(memory);
        small.Keep(100);
        Assert.Equal(Window + 100, memory.Used);
        small.Dispose();
        Assert.Equal(Window, memory.Used);
    }

    [Fact]
    public async Task What_is_held_whole_waits_for_its_room_and_copies_count()
    {
        var memory = Memory();
        var whole = Assert.IsType<ResultMemoryBudget.Share>(await memory.EnterWholeAsync(2 * Result, default));
        Assert.Equal(2 * Result, memory.Used);
        whole.Copy(Result / 2);
        Assert.Equal(2 * Result + Result / 2, memory.Used);
        var next = memory.EnterWholeAsync(Result, default);
        Assert.Equal(1, memory.Waiting);
        whole.Dispose();
        using (var largest = Assert.IsType<ResultMemoryBudget.Share>(await next))
            Assert.Equal(Result, memory.Used);
        Assert.Equal(0, memory.Used);
    }

    /// <summary>Random queries of random sizes over a memory that holds three: all of them end, and never more is held than may be.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task However_many_come_at_once_all_end(int seed)
    {
        var memory = Memory();
        var random = new Random(seed);
        var most = 0L;
        await Task.WhenAll(Enumerable.Range(0, 60).Select(_ => (Size: random.Next(Result), Pause: random.Next(3))).Select(q => Task.Run(async () =>
        {
            using var credit = new SemaphoreSlim(0);
            using var share = await EnterAsync(memory, _ => credit.Release());
            for (var held = Window; held < q.Size; held += Piece)
            {
                if (share.Want(Piece) == 0)
                    await credit.WaitAsync();
                await Task.Delay(q.Pause);
                var used = memory.Used;
                InterlockedMax(ref most, used);
            }
            share.Keep(q.Size);
            await Task.Yield();
        })));
        Assert.Equal(0, memory.Used);
        Assert.True(most <= Total, $"{most} of {Total} bytes");
    }

    static void InterlockedMax(ref long most, long value)
    {
        for (var seen = Volatile.Read(ref most); seen < value; seen = Volatile.Read(ref most))
            Interlocked.CompareExchange(ref most, value, seen);
    }
}

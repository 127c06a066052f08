using System.Collections.Concurrent;
using Halo.Api.Queries;

namespace Halo.Api.Tests.Queries;

public class QueryIdsTests
{
    [Fact]
    public void Ids_of_one_millisecond_are_different_and_go_up()
    {
        var now = DateTimeOffset.UtcNow;
        // More than fit into a millisecond, and by several threads at once: each thread's go up.
        var lists = new ConcurrentBag<List<Guid>>();
        Parallel.For(0, 4, _ => lists.Add([.. Enumerable.Range(0, 3000).Select(_ => QueryIds.Next(now))]));
        foreach (var ids in lists)
            Assert.Equal(ids.OrderBy(i => i.ToString(), StringComparer.Ordinal), ids);
        Assert.Equal(12_000, lists.SelectMany(i => i).Distinct().Count());
        Assert.All(lists.SelectMany(i => i), id => Assert.Equal((7, 8), (id.Version, id.Variant & 0xC)));
        Assert.All(lists, ids => Assert.InRange(TimeOf(ids[0]), now.ToUnixTimeMilliseconds(), now.ToUnixTimeMilliseconds() + 100));
    }

    [Fact]
    public void A_clock_that_is_set_back_is_followed()
    {
        var now = DateTimeOffset.UtcNow;
        QueryIds.Next(now);
        Assert.Equal(now.AddHours(-3).ToUnixTimeMilliseconds(), TimeOf(QueryIds.Next(now.AddHours(-3))));
    }

    static long TimeOf(Guid id) => Convert.ToInt64(id.ToString("N")[..12], 16);
}

using Halo.Link.Settings;
using Halo.Link.Transport;

namespace Halo.Link.Tests.Transport;

public class BackoffTests
{
    [Fact]
    public void The_bound_doubles_from_one_second_to_sixty()
    {
        var backoff = BetweenSessions(new Highest());
        Assert.Equal([1, 2, 4, 8, 16, 32, 60, 60, 60], Enumerable.Range(0, 9).Select(_ => (int)Math.Round(backoff.Next().TotalSeconds)));
        backoff.Reset();
        Assert.Equal(1, Math.Round(backoff.Next().TotalSeconds));
    }

    [Fact]
    public void The_jitter_is_full()
    {
        var waits = Enumerable.Range(0, 1000).Select(seed =>
        {
            var backoff = BetweenSessions(new Random(seed));
            for (var i = 0; i < 10; i++)
                backoff.Next();
            return backoff.Next().TotalSeconds;
        }).ToList();
        Assert.All(waits, w => Assert.InRange(w, 0, 60));
        Assert.True(waits.Min() < 5 && waits.Max() > 55);
    }

    [Fact]
    public void A_year_of_failures_does_not_overflow()
    {
        var backoff = BetweenSessions(new Highest());
        for (var i = 0; i < 1_000_000; i++)
            Assert.InRange(backoff.Next().TotalSeconds, 0.9, 60);
    }

    static Backoff BetweenSessions(Random random)
    {
        var standard = new ConnectionSettings();
        return new(random, standard.FirstWait, standard.LongestWait);
    }

    sealed class Highest : Random
    {
        public override double NextDouble() => 0.9999999;
    }
}

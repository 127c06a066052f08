using Halo.Api.Events;
using Halo.Contracts.Events;

namespace Halo.Api.Tests.Events;

public sealed class RetryScheduleTests
{
    [Theory]
    [InlineData(0, 5, 5)]
    [InlineData(0, 0, 5)]
    [InlineData(1, 0, 7.5)]
    [InlineData(0.5, 0, 6.25)]
    [InlineData(1, 5, 20)]
    [InlineData(1, 60, 240)]
    [InlineData(1, 1000, 1800)]
    [InlineData(0, 1000, 5)]
    public void A_wait_lies_between_five_seconds_and_four_times_the_one_before_and_half_an_hour_at_most(double random, double waited, double expected) =>
        Assert.Equal(TimeSpan.FromSeconds(expected), RetrySchedule.Next(1, TimeSpan.Zero, TimeSpan.FromSeconds(waited), null, random));

    [Theory]
    [InlineData(9, true)]
    [InlineData(10, false)]
    [InlineData(11, false)]
    public void After_ten_tries_it_is_given_up(int tries, bool isTriedAgain) =>
        Assert.Equal(isTriedAgain, RetrySchedule.Next(tries, TimeSpan.Zero, TimeSpan.Zero, null, 0) is not null);

    [Theory]
    [InlineData(89 * 60 + 55, true)]
    [InlineData(89 * 60 + 56, false)]
    public void No_try_begins_later_than_ninety_minutes_after_the_first(int secondsWaited, bool isTriedAgain) =>
        Assert.Equal(isTriedAgain, RetrySchedule.Next(2, TimeSpan.FromSeconds(secondsWaited), TimeSpan.Zero, null, 0) is not null);

    [Theory]
    [InlineData(3, 5)]
    [InlineData(77, 77)]
    [InlineData(1800, 1800)]
    [InlineData(90_000, 1800)]
    [InlineData(-5, 5)]
    public void What_the_receiver_asks_for_is_waited_for_half_an_hour_at_most(int asked, int expected) =>
        Assert.Equal(TimeSpan.FromSeconds(expected), RetrySchedule.Next(1, TimeSpan.Zero, TimeSpan.Zero, TimeSpan.FromSeconds(asked), 0));

    [Theory]
    [InlineData(null, true)]
    [InlineData(500, true)]
    [InlineData(503, true)]
    [InlineData(599, true)]
    [InlineData(408, true)]
    [InlineData(429, true)]
    [InlineData(400, false)]
    [InlineData(401, false)]
    [InlineData(404, false)]
    [InlineData(410, false)]
    [InlineData(301, false)]
    [InlineData(101, false)]
    public void Only_what_may_fare_better_later_is_tried_again(int? status, bool isTriedAgain) =>
        Assert.Equal(isTriedAgain, RetrySchedule.IsWorthwhile(new WebhookAttempt(default, 0) { HttpStatus = status }));
}

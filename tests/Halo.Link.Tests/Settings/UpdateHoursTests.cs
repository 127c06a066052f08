using Halo.Link.Settings;

namespace Halo.Link.Tests.Settings;

public sealed class UpdateHoursTests
{
    [Theory]
    [InlineData("22-5", 22, 5)]
    [InlineData(" 1 - 4 ", 1, 4)]
    [InlineData("0-24", 0, 24)]
    [InlineData("22-24", 22, 24)]
    [InlineData("22-0", 22, 24)]
    public void Hours_are_read(string text, int from, int to) => Assert.Equal(new(from, to), UpdateHours.Parse(text));

    [Theory]
    [InlineData("")]
    [InlineData("22")]
    [InlineData("5-5")]
    [InlineData("0-0")]
    [InlineData("24-5")]
    [InlineData("22-25")]
    [InlineData("-1-5")]
    [InlineData("22-5-6")]
    [InlineData("22:30-5")]
    public void What_is_no_two_hours_is_refused(string text) => Assert.Null(UpdateHours.Parse(text));

    [Theory]
    [InlineData("22-5", "22,23,0,1,2,3,4")]
    [InlineData("1-4", "1,2,3")]
    [InlineData("22-24", "22,23")]
    [InlineData("23-1", "23,0")]
    public void They_may_go_over_midnight(string text, string hours)
    {
        var expected = hours.Split(',').Select(int.Parse).Order();
        Assert.Equal(expected, Enumerable.Range(0, 24).Where(h => UpdateHours.Parse(text)!.Contains(new(2026, 12, 1, h, 59, 59, TimeSpan.FromHours(10)))));
        Assert.All(Enumerable.Range(0, 24), h => Assert.True(UpdateHours.Parse("0-24")!.Contains(new(2026, 12, 1, h, 0, 0, TimeSpan.Zero))));
    }
}

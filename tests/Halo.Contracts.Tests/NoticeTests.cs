using Halo.Contracts.Queries;

namespace Halo.Contracts.Tests;

public class NoticeTests
{
    [Theory]
    [InlineData(10, 10)]
    [InlineData(Notice.MostCharacters, Notice.MostCharacters)]
    [InlineData(Notice.MostCharacters + 1, Notice.MostCharacters)]
    [InlineData(100_000, Notice.MostCharacters)]
    public void A_message_is_cut_where_it_is_too_long(int length, int expected)
    {
        var notice = Notice.Of(NoticeCodes.DatabaseNotice, new string('é', length));

        Assert.Equal(expected, notice.Message.Length);
        Assert.Equal(length > Notice.MostCharacters, notice.Message.EndsWith('…'));
    }

    [Fact]
    public void A_message_is_never_cut_within_a_character()
    {
        var message = new string('x', Notice.MostCharacters - 2) + "😀😀";

        Assert.Equal(new string('x', Notice.MostCharacters - 2) + "…", Notice.Of(NoticeCodes.DatabaseNotice, message).Message);
    }

    [Fact]
    public void Where_there_are_no_notices_there_is_no_list()
    {
        Notice[] one = [new(NoticeCodes.UnknownField, "one")];

        Assert.Null(Notice.Join(null, []));
        Assert.Equal(one, Notice.Join(one, null));
        Assert.Equal(one, Notice.Join([], one));
        Assert.Equal([.. one, .. one], Notice.Join(one, one)!);
    }
}

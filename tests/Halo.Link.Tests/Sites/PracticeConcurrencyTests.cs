using Halo.Link.Sites;

namespace Halo.Link.Tests.Sites;

public sealed class PracticeConcurrencyTests
{
    static readonly Guid Site = Guid.NewGuid(), Integrator = Guid.NewGuid();

    [Fact]
    public void Who_gives_way_is_called_when_another_wants_its_place_and_once()
    {
        var places = new PracticeConcurrency();
        var called = 0;
        Assert.True(places.TryEnter(Site, Integrator, 1, () => called++));
        Assert.False(places.TryEnter(Site, Integrator, 1));
        Assert.False(places.TryEnter(Site, Integrator, 1));
        Assert.Equal(1, called);
        places.Leave(Site, Integrator);
        Assert.True(places.TryEnter(Site, Integrator, 1));
    }

    [Fact]
    public void Where_there_is_room_nobody_gives_way()
    {
        var places = new PracticeConcurrency();
        Assert.True(places.TryEnter(Site, Integrator, 2, () => Assert.Fail("There was room.")));
        Assert.True(places.TryEnter(Site, Integrator, 2));
        Assert.True(places.TryEnter(Site, Guid.NewGuid(), 1));
        Assert.True(places.TryEnter(Site, Integrator, null));
    }

    [Fact]
    public void Who_gives_way_drives_nobody_away()
    {
        var places = new PracticeConcurrency();
        Assert.True(places.TryEnter(Site, Integrator, 1, () => Assert.Fail("Another of its kind wanted it.")));
        Assert.False(places.TryEnter(Site, Integrator, 1, () => Assert.Fail("It has no place.")));
    }

    [Fact]
    public void Who_has_left_is_not_called()
    {
        var places = new PracticeConcurrency();
        Action giveWay = () => Assert.Fail("It has left.");
        Assert.True(places.TryEnter(Site, Integrator, 2, giveWay));
        Assert.True(places.TryEnter(Site, Integrator, 2));
        places.Leave(Site, Integrator, giveWay);
        Assert.True(places.TryEnter(Site, Integrator, 2));
        Assert.False(places.TryEnter(Site, Integrator, 2));
    }

    [Fact]
    public void Of_several_that_give_way_each_is_called()
    {
        var places = new PracticeConcurrency();
        var called = new List<int>();
        Assert.True(places.TryEnter(Site, Integrator, 2, () => called.Add(1)));
        Assert.True(places.TryEnter(Site, Integrator, 2, () => called.Add(2)));
        Assert.False(places.TryEnter(Site, Integrator, 2));
        Assert.False(places.TryEnter(Site, Integrator, 2));
        Assert.Equal([1, 2], called);
    }
}

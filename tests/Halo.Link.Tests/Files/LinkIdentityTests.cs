using Halo.Link.Engines;
using Halo.Link.Files;
using Halo.Link.Settings;
using Halo.Link.Tests.Work.Async;

namespace Halo.Link.Tests.Files;

public sealed class LinkIdentityTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_ids_are_made_once()
    {
        var (first, sites) = Load(Site("1"), Site("2"));
        var (second, again) = Load(Site("1"), Site("2"));
        Assert.Equal(first.LinkId, second.LinkId);
        Assert.Equal(sites, again);
        Assert.NotEqual(sites[0], sites[1]);
    }

    [Fact]
    public void Neither_order_nor_connection_string_changes_a_sites_id()
    {
        var (_, before) = Load(Site("1"), Site("2"), Site("3"));
        var (_, after) = Load(Site("3"), Site("1", connectionString: "Data Source=elsewhere"), Site("2"));
        Assert.Equal([before[2], before[0], before[1]], after);
    }

    [Fact]
    public void The_only_site_keeps_its_id_whatever_changed()
    {
        var (_, before) = Load(Site("1"));
        var (_, after) = Load(Site("corrected", EngineNames.Postgres, "Host=h;Database=d"));
        Assert.Equal(before, after);
        Assert.Equal(before, Load(Site("corrected", EngineNames.Postgres, "Host=h;Database=d")).SiteIds);
    }

    [Fact]
    public void A_database_that_moved_to_another_engine_is_the_same_site()
    {
        var (_, before) = Load(Site("1"), Site("2"));
        Assert.Equal(before, Load(Site("1", EngineNames.Postgres), Site("2")).SiteIds);
    }

    [Fact]
    public void A_site_that_is_added_gets_an_id_of_its_own_and_one_that_comes_back_its_old_one()
    {
        var (_, one) = Load(Site("1"), Site("2"));
        var (_, two) = Load(Site("1"), Site("2"), Site("9", pms: "Zedmed"));
        Assert.Equal(one, two.Take(2));
        Assert.DoesNotContain(two[2], one);
        Load(Site("1"), Site("9", pms: "Zedmed"));
        Assert.Equal(two, Load(Site("1"), Site("2"), Site("9", pms: "Zedmed")).SiteIds);
    }

    [Fact]
    public void Two_databases_of_one_practice_are_two_sites()
    {
        var (_, sites) = Load(Site("1"), Site("1"));
        Assert.NotEqual(sites[0], sites[1]);
        Assert.Equal(sites, Load(Site("1"), Site("1")).SiteIds);
    }

    [Fact]
    public void Sites_whose_practice_ids_stand_in_their_databases_are_known_by_those_in_any_order()
    {
        var (_, before) = Load(Site(null, connectionString: "Data Source=a"), Site(null, connectionString: "Data Source=b"));
        var (_, after) = Load(Site(null, connectionString: "Data Source=b;Cache=Shared"), Site(null, connectionString: "Data Source=a"));
        Assert.Equal([before[1], before[0]], after);
    }

    [Fact]
    public void Two_databases_of_one_practice_keep_their_ids_in_any_order()
    {
        var (_, before) = Load(Site("0", connectionString: "Data Source=a"), Site("0", connectionString: "Data Source=b"));
        Assert.Equal([before[1], before[0]], Load(Site("0", connectionString: "Data Source=b"), Site("0", connectionString: "Data Source=a")).SiteIds);
    }

    [Fact]
    public void A_corrected_practice_id_or_name_of_the_same_database_is_the_same_site()
    {
        var (_, before) = Load(Site("1", connectionString: "Data Source=a"), Site("2", connectionString: "Data Source=b"));
        Assert.Equal(before, Load(Site("1", connectionString: "Data Source=a"), Site("22", connectionString: "Data Source=b")).SiteIds);
        Assert.Equal(before, Load(Site("1", connectionString: "Data Source=a"), Site("22", connectionString: "Data Source=b", pms: "Zedmed")).SiteIds);
    }

    [Fact]
    public void Another_practice_never_gets_the_id_of_one_that_was_taken_out()
    {
        var (_, before) = Load(Site("1", connectionString: "Data Source=a"), Site("2", connectionString: "Data Source=b"));
        Load(Site("1", connectionString: "Data Source=a"));
        var (_, third) = Load(Site("1", connectionString: "Data Source=a"), Site("3", connectionString: "Data Source=c"));
        Assert.Equal(before[0], third[0]);
        Assert.DoesNotContain(third[1], before);
        Load(Site("1", connectionString: "Data Source=a"), Site(null, connectionString: "Data Source=d"));
        Assert.Equal(before, Load(Site("1", connectionString: "Data Source=a"), Site("2", connectionString: "Data Source=b")).SiteIds);
    }

    ConfiguredIdentity Load(params SiteSettings[] sites)
    {
        using var directory = DataDirectory.Open(_folder.Path);
        return LinkIdentity.Load(directory, sites, TimeProvider.System);
    }

    static SiteSettings Site(string? id, string engine = EngineNames.Sqlite, string connectionString = "Data Source=x", string pms = "Best Practice") => new()
    {
        Engine = engine,
        ConnectionString = connectionString,
        PracticeManagementName = new(pms, null),
        PracticeManagementSiteId = id is null ? new(null, "SELECT id FROM practice") : new(id, null),
        Catalogues = [new("x", null, true)],
    };
}

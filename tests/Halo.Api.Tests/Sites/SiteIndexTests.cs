using Halo.Api.Sites;
using Halo.Contracts.Sites;

namespace Halo.Api.Tests.Sites;

public class SiteIndexTests
{
    readonly Dictionary<Guid, SiteRecord> _sites = [];
    readonly SiteIndex<string> _index = new(s => s.PmsId);

    [Fact]
    public void Sites_are_found_by_what_they_have_in_common()
    {
        var (one, two, other) = (Put(Site("1")), Put(Site("1")), Put(Site("2")));
        Assert.Equal(new[] { one.Id, two.Id }.Order(), Ids("1").Order());
        Assert.Equal([other.Id], Ids("2"));
        Assert.Empty(Ids("3"));
    }

    [Fact]
    public void A_site_that_changed_is_found_once_and_by_its_new_key()
    {
        var (one, two) = (Put(Site("1")), Put(Site("1")));
        Put(one with { Confirmed = false });
        Assert.Equal(2, Ids("1").Count);
        Assert.False(_index.Find("1", _sites.GetValueOrDefault).Single(s => s.Id == one.Id).Confirmed);
        Put(one with { PmsId = "2" });
        Assert.Equal([two.Id], Ids("1"));
        Assert.Equal([one.Id], Ids("2"));
        Put(one);
        Assert.Equal(2, Ids("1").Count);
        Assert.Empty(Ids("2"));
    }

    [Fact]
    public void A_site_that_has_another_key_by_now_is_not_found_by_the_old_one()
    {
        var site = Put(Site("1"));
        _sites[site.Id] = site with { PmsId = "2" };
        Assert.Empty(Ids("1"));
    }

    [Fact]
    public void A_site_that_gets_another_key_is_missing_at_no_moment()
    {
        var before = Put(Site("1"));
        var after = before with { PmsId = "2" };
        _index.Add(before, after);
        Assert.Equal([before.Id], Ids("1"));
        Assert.Empty(Ids("2"));
        _sites[after.Id] = after;
        Assert.Empty(Ids("1"));
        Assert.Equal([after.Id], Ids("2"));
        _index.Forget(before, after);
        Assert.Equal([after.Id], Ids("2"));
    }

    List<Guid> Ids(string pmsId) => [.. _index.Find(pmsId, _sites.GetValueOrDefault).Select(s => s.Id)];

    SiteRecord Put(SiteRecord site)
    {
        var before = _sites.GetValueOrDefault(site.Id);
        _index.Add(before, site);
        _sites[site.Id] = site;
        _index.Forget(before, site);
        return site;
    }

    static SiteRecord Site(string pmsId) => new()
    {
        Id = Guid.NewGuid(),
        LinkId = Guid.NewGuid(),
        Status = SiteStatus.Active,
        PmsName = "Best Practice",
        PmsId = pmsId,
        Catalogues = [],
        Metadata = new PracticeMetadata { PmsType = "bestPractice", PracticeManagementSiteId = pmsId },
        EnrichedAt = DateTimeOffset.UnixEpoch,
        Authoritative = true,
        Confirmed = true,
        CreatedAt = DateTimeOffset.UnixEpoch,
        UpdatedAt = DateTimeOffset.UnixEpoch,
    };
}

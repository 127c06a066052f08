using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.Link.Sites;

namespace Halo.Link.Tests.Engines;

/// <summary>A Link's sites with one of them, for what status and log say of its database.</summary>
static class OneSite
{
    /// <param name="engine">One of <see cref="EngineNames"/>.</param>
    public static LocalSites Of(string engine, string connectionString) => new(
    [
        new LocalSite(Guid.NewGuid(), new()
        {
            Engine = engine,
            ConnectionString = connectionString,
            PracticeManagementName = new("Best Practice", null),
            PracticeManagementSiteId = new("12345", null),
            Catalogues = [new("practice", null, true)],
        }, (name, c) => DatabaseEngines.Create(name, c, TimeProvider.System)),
    ]);
}

using Halo.Link.Engines.Running;
using Halo.Testing;
using Halo.Testing.Architecture;

namespace Halo.Link.Tests.Architecture;

/// <summary>Data and calls go one way through the program: a namespace uses those below it, and none above or beside.</summary>
public sealed class RoomsTests
{
    static readonly string[] FromTop =
    [
        "Diagnosis Settings.Live",
        "Status",
        "Session",
        "Work.Async Work.Immediate",
        "Work",
        "Sites",
        "Transport Pages.Upload Journal",
        "Pages",
        "Files",
        "Settings.Reading",
        "Settings",
        "Engines.Catalog",
        "Engines.Sqlite.Worker Engines.Postgres Engines.SqlServer",
        "Engines.Sqlite Engines.Postgres.Connections Engines.Postgres.Values Engines.SqlServer.Connections Engines.SqlServer.Values",
        "Engines.Running Engines.Connections Engines.Parameters",
        "Engines",
        "Rows",
        "Observability",
    ];

    [Fact]
    public void Every_room_uses_only_rooms_below_it() => AssertNone(Rooms.FaultsOf(typeof(CommandRunner).Assembly, "Halo.Link", FromTop));

    [Fact]
    public void No_room_is_crowded() => AssertNone(Rooms.CrowdedFolders(Path.Combine(Repository.Root, "src", "Halo.Link"), 12));

    static void AssertNone(IReadOnlyList<string> faults) => Assert.True(faults.Count == 0, string.Join('\n', faults));
}

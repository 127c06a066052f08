using Halo.Link.Engines.Running;
using Halo.Testing.Architecture;

namespace Halo.Link.Tests.Architecture;

/// <summary>Data and calls go one way through the program: a namespace uses those below it, and none above or beside.</summary>
public sealed class RoomsTests
{
    [Fact]
    public void Every_room_uses_only_rooms_below_it() => Rooms.VerifyOrder(typeof(CommandRunner).Assembly, "Halo.Link",
        "Installing",
        "Configuring",
        "Diagnosis Settings.Live",
        "Status",
        "Session",
        "Work.Registered Work.Updating",
        "Work.Async Work.Immediate",
        "Work",
        "Sites",
        "Transport Pages.Upload Journal",
        "Pages Updating",
        "Files",
        "Installing.Windows",
        "Settings.Reading",
        "Settings",
        "Engines.Factory",
        "Engines.Sqlite.Worker Engines.Postgres Engines.SqlServer",
        "Engines.Sqlite Engines.Postgres.Connections Engines.Postgres.Values Engines.SqlServer.Connections Engines.SqlServer.Values",
        "Engines.Running Engines.Connections Engines.Parameters",
        "Engines",
        "Rows",
        "Observability");
}

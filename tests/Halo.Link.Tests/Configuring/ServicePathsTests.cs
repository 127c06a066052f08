using Halo.Link.Configuring;
using Halo.Link.Settings;
using Halo.Link.Tests.Work.Async;

namespace Halo.Link.Tests.Configuring;

public sealed class ServicePathsTests : IDisposable
{
    readonly TemporaryFolder _root = new();

    string DropIn => Path.Combine(_root.Path, "etc/systemd/system/halo-link.service.d/sqlite.conf");

    public void Dispose() => _root.Dispose();

    [Fact]
    public void The_directories_of_SQLite_databases_may_be_written_and_no_others()
    {
        InstallUnit();
        var told = new ServicePaths(_root.Path).Apply(Settings("Data Source=/srv/pms/clinic.db", "Filename=\"/srv/a b/100%.db\";Mode=ReadOnly", "Data Source=file:///srv/pms/other.db?mode=ro"));
        Assert.Contains("/srv/pms", told, StringComparison.Ordinal);
        Assert.Contains("ReadWritePaths=\"-/srv/a b\" \"-/srv/pms\"\n", File.ReadAllText(DropIn), StringComparison.Ordinal);
        Assert.Null(new ServicePaths(_root.Path).Apply(Settings("Data Source=/srv/pms/clinic.db", "Data Source=/srv/a b/x.db")));
    }

    [Fact]
    public void Without_such_a_database_they_are_taken_back()
    {
        InstallUnit();
        new ServicePaths(_root.Path).Apply(Settings("Data Source=/srv/pms/clinic.db"));
        Assert.NotNull(new ServicePaths(_root.Path).Apply(Settings()));
        Assert.False(File.Exists(DropIn));
        Assert.Null(new ServicePaths(_root.Path).Apply(Settings()));
    }

    [Fact]
    public void Where_no_service_is_installed_nothing_is_written()
    {
        Assert.Null(new ServicePaths(_root.Path).Apply(Settings("Data Source=/srv/pms/clinic.db")));
        Assert.False(File.Exists(DropIn));
    }

    void InstallUnit()
    {
        Directory.CreateDirectory(Path.Combine(_root.Path, "lib/systemd/system"));
        File.WriteAllText(Path.Combine(_root.Path, "lib/systemd/system/halo-link.service"), "");
    }

    static LinkSettings Settings(params string[] connections) => new()
    {
        Api = new("https://halo.example"),
        DataDirectory = "/var/lib/halo-link",
        Sites =
        [
            new() { Engine = "postgres", ConnectionString = "Host=h;Database=d", PracticeManagementName = new("x", null), PracticeManagementSiteId = new("0", null), Catalogues = [] },
            .. connections.Select((c, i) => new SiteSettings
            {
                Engine = "sqlite", ConnectionString = c, PracticeManagementName = new("x", null), PracticeManagementSiteId = new($"{i}", null), Catalogues = [],
            }),
        ],
    };
}

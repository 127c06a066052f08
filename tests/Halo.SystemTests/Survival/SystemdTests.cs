using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Survival;

/// <summary>What systemd hears from the programs (sd_notify), when their parent is called systemd, as a unit's is.</summary>
public sealed class SystemdTests : IDisposable
{
    const int Sigterm = 15, Sigint = 2;

    /// <summary>Where <c>systemd</c> stands: a shell of that name, which dies only after what it started.</summary>
    readonly string _folder = Directory.CreateTempSubdirectory("halo-systemd-").FullName;
    readonly Socket _notices = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);

    public SystemdTests()
    {
        Assert.SkipUnless(File.Exists("/bin/sh") && File.Exists("/usr/bin/setpriv"), "Needs /bin/sh and setpriv (util-linux).");
        File.Copy("/bin/sh", Path.Combine(_folder, "systemd"));
        _notices.Bind(new UnixDomainSocketEndPoint(NoticeSocket));
    }

    string NoticeSocket => Path.Combine(_folder, "notify");

    string[] Systemd => [Path.Combine(_folder, "systemd"), "-c", "setpriv --pdeathsig KILL \"$@\"; exit $?", "unit"];

    [Theory]
    [InlineData(Sigterm)]
    [InlineData(Sigint)]
    public async Task A_Link_is_ready_when_it_runs_and_says_that_it_stops(int signal)
    {
        await using var fixture = await HaloFixture.StartAsync();
        var link = fixture.AddLink(new LinkSite("sqlite", fixture.SqliteFile()));
        await LaunchAsync(link);

        Assert.Equal("READY=1", await NextAsync());
        Assert.NotNull(await link.StatusAsync());
        await link.WhenOnlineAsync();
        Signal(link.Process, signal);
        Assert.Equal("STOPPING=1", await NextAsync());
        Assert.Equal(0, await link.Process.Exited);
        // The form of its lines is its own: systemd's part would leave out the time.
        Assert.All(link.Process.Lines, line => Assert.Matches(@"^<\d>\d{4}-\d\d-\d\dT.*\[2\d{3}\] ", line));
    }

    [Theory]
    [InlineData(Sigterm)]
    [InlineData(Sigint)]
    public async Task The_API_is_ready_when_it_can_be_called_and_says_that_it_stops(int signal)
    {
        await using var fixture = HaloFixture.Create();
        fixture.Api.Within = Systemd;
        await using var unit = fixture.Api.Launch(("NOTIFY_SOCKET", NoticeSocket));

        Assert.Equal("READY=1", await NextAsync());
        Assert.True(await fixture.Api.IsReadyAsync());
        Signal(unit, signal);
        Assert.Equal("STOPPING=1", await NextAsync());
        Assert.Equal(0, await unit.Exited);
        Assert.All(unit.Lines, line => Assert.Matches(@"^\d{4}-\d\d-\d\dT", line));
    }

    /// <remarks>As under ProtectProc=invisible: a parent of another name stands for one whose name cannot be read.</remarks>
    [Fact]
    public async Task Both_programs_tell_systemd_also_where_they_cannot_see_it()
    {
        await using var fixture = HaloFixture.Create();
        string[] hidden = ["/bin/sh", .. Systemd[1..]];
        fixture.Api.Within = hidden;
        await using (var unit = fixture.Api.Launch(("NOTIFY_SOCKET", NoticeSocket)))
        {
            Assert.Equal("READY=1", await NextAsync());
            Signal(unit, Sigterm);
            Assert.Equal("STOPPING=1", await NextAsync());
            Assert.Equal(0, await unit.Exited);
        }
        var link = fixture.AddLink(new LinkSite("sqlite", fixture.SqliteFile()));
        (link.Within, link.Environment["NOTIFY_SOCKET"]) = (hidden, NoticeSocket);
        await link.LaunchAsync();
        Assert.Equal("READY=1", await NextAsync());
        Signal(link.Process, Sigterm);
        Assert.Equal("STOPPING=1", await NextAsync());
        Assert.Equal(0, await link.Process.Exited);
    }

    [Fact]
    public async Task An_API_with_faulty_settings_is_never_ready()
    {
        await using var fixture = HaloFixture.Create(("Halo__Enrolment", "sometimes"));
        fixture.Api.Within = Systemd;
        await using var unit = fixture.Api.Launch(("NOTIFY_SOCKET", NoticeSocket));
        Assert.Equal(2, await unit.Exited);
        Assert.Equal(0, _notices.Available);
    }

    [Fact]
    public async Task A_Link_is_ready_also_where_neither_the_API_nor_its_database_is_there()
    {
        await using var fixture = HaloFixture.Create();
        var link = fixture.AddLink(new LinkSite("postgres", "Host=127.0.0.1;Port=1;Username=halo;Password=x"));
        await LaunchAsync(link);
        Assert.Equal("READY=1", await NextAsync());
        Signal(link.Process, Sigterm);
        Assert.Equal("STOPPING=1", await NextAsync());
        Assert.Equal(0, await link.Process.Exited);
    }

    [Fact]
    public async Task A_Link_that_is_stopped_while_it_starts_ends_in_order()
    {
        await using var fixture = HaloFixture.Create();
        using var silent = new TcpListener(System.Net.IPAddress.Loopback, 0);
        silent.Start();
        var link = fixture.AddLink(new LinkSite("postgres", $"Host=127.0.0.1;Port={((System.Net.IPEndPoint)silent.LocalEndpoint).Port};Username=halo;Password=x"));
        await LaunchAsync(link);
        // It reads what the database says of the practice, and waits for that.
        using var asked = await silent.AcceptSocketAsync(TestContext.Current.CancellationToken);
        Signal(link.Process, Sigterm);
        Assert.Equal("STOPPING=1", await NextAsync());
        Assert.Equal(0, await link.Process.Exited);
        Assert.Contains("Stopped.", link.Process.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_Link_with_faulty_settings_is_never_ready()
    {
        await using var fixture = HaloFixture.Create();
        var link = fixture.AddLink(new JsonObject { ["lanes"] = 7 }, new LinkSite("sqlite", fixture.SqliteFile()));
        await LaunchAsync(link);
        Assert.Equal(2, await link.Process.Exited);
        Assert.Equal(0, _notices.Available);
    }

    public void Dispose()
    {
        _notices.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    async Task LaunchAsync(LinkProgram link)
    {
        link.Within = Systemd;
        link.Environment["NOTIFY_SOCKET"] = NoticeSocket;
        await link.LaunchAsync();
    }

    async Task<string> NextAsync()
    {
        var notice = new byte[256];
        return Encoding.UTF8.GetString(notice, 0, await _notices.ReceiveAsync(notice).WaitAsync(Testing.Eventually.Limit, TestContext.Current.CancellationToken));
    }

    /// <summary>To the program itself, whose parent the shell is.</summary>
    static void Signal(HaloProcess unit, int number) =>
        Assert.True(Signals.Send(Assert.Single(Signals.ChildrenOf(unit.Id)), number));
}

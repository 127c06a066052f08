using System.Text.Json;
using Halo.Link.Diagnosis;
using Halo.Link.Engines;
using Halo.Link.Files;
using Halo.Link.Settings;
using Halo.Link.Tests.Session;
using Halo.Link.Tests.Transport;
using Halo.Testing;
using Halo.Testing.Tds;

namespace Halo.Link.Tests.Diagnosis;

/// <summary><c>halo-link doctor</c> says in one line each what is wrong with a setup, and what to do; docs/sql-server.md and docs/operations.md list them.</summary>
public sealed class DoctorTests : IAsyncDisposable
{
    const string Password = "hidden-word";

    readonly string _folder = Directory.CreateTempSubdirectory("halo-doctor-").FullName;

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    [Theory]
    [InlineData(18456, 14, "Login failed for user 'halo'.", "Correct the login or its password")]
    [InlineData(18486, 14, "Login failed for user 'halo' because the account is currently locked out.", "unlock it on the server")]
    [InlineData(4060, 11, "Cannot open database \"clinic\" requested by the login. The login failed.", "Correct the database's name")]
    [InlineData(924, 14, "Database 'clinic' is already open and can only have one user at a time.", "set it back to MULTI_USER")]
    [InlineData(942, 14, "Database 'clinic' cannot be opened because it is offline.", "bring it online")]
    public async Task What_the_server_says_at_login_stands_beside_what_to_do(int number, byte severity, string words, string advice)
    {
        await using var server = new TdsServer((_, _) => Task.CompletedTask, new() { Refuse = _ => (number, severity, words) });
        await IsTheOneProblemAsync(Site(server.ConnectionString), $"cannot connect to its database: {words.TrimEnd('.')} ({number}). ", advice);
    }

    [Fact]
    public async Task A_wrong_password_is_tried_once_however_many_catalogues_there_are()
    {
        var tries = 0;
        await using var server = new TdsServer((_, _) => Task.CompletedTask, new()
        {
            Refuse = _ =>
            {
                Interlocked.Increment(ref tries);
                return (18456, 14, "Login failed for user 'halo'.");
            },
        });
        var site = Site(server.ConnectionString) with { Catalogues = [new("practice", null, true), new("archive", "archive", false), new("letters", "letters", false)] };
        var report = await ExamineAsync(site);
        Assert.Equal(3, Problems(report).Count());
        Assert.Equal(1, tries);
    }

    [Fact]
    public async Task An_instance_whose_browser_is_blocked() =>
        await IsTheOneProblemAsync(Site(@"Server=127.0.0.1\NOSUCHINSTANCE;Database=clinic;User Id=halo;Encrypt=Optional"), "The instance NOSUCHINSTANCE was not found", "UDP port 1434");

    [Fact]
    public async Task A_port_where_nobody_listens() =>
        await IsTheOneProblemAsync(Site($"Server=127.0.0.1,{ScriptedServer.DeadPort()};Database=clinic;User Id=halo;Encrypt=Optional"), "Connection refused", "enable TCP/IP");

    [Fact]
    public async Task A_certificate_of_the_servers_own_making()
    {
        await using var server = new TdsServer((_, _) => Task.CompletedTask, new() { Tls = true });
        await IsTheOneProblemAsync(Site(server.ConnectionString + ";TrustServerCertificate=false"), "certificate", "TrustServerCertificate=true");
    }

    [Fact]
    public async Task A_server_that_speaks_TLS_1_0_alone()
    {
        await using var server = new TdsServer((_, _) => Task.CompletedTask, new() { OldTls = true });
        await IsTheOneProblemAsync(Site(server.ConnectionString + ";Encrypt=Mandatory"), "handshake", "TLS 1.2 came to SQL Server 2008 to 2014 by updates");
    }

    [Fact]
    public async Task A_login_that_can_write_under_the_rule_readOnly_with_the_right_that_stands_in_the_way()
    {
        await using var server = new TdsServer((_, _) => Task.CompletedTask, new() { RightToWrite = "it is a member of the database role db_datawriter" });
        var site = Site(server.ConnectionString) with { Policy = new(new() { ReadOnly = true }, new Dictionary<Guid, PolicyRules>()) };
        await IsTheOneProblemAsync(site, "db_datawriter", "deploy/sql/sqlserver-reader.sql");
    }

    [Fact]
    public async Task A_login_that_may_not_see_who_waits_for_whom()
    {
        await using var server = new TdsServer((_, _) => Task.CompletedTask, new()
        {
            Blocking = (_, answer) => answer.Error(300, "VIEW SERVER STATE permission was denied on object 'server', database 'master'.", 14),
        });
        await IsTheOneProblemAsync(Site(server.ConnectionString), "protection.blockingGuardMs cannot be held to", "GRANT VIEW SERVER STATE");
    }

    [Fact]
    public async Task A_database_that_does_not_allow_the_isolation_that_is_asked_for()
    {
        await using var server = new TdsServer(Snapshot(0));
        var site = Site(server.ConnectionString) with { Protection = new() { Isolation = ReaderIsolation.Snapshot } };
        await IsTheOneProblemAsync(site, "protection.isolation is snapshot", "ALLOW_SNAPSHOT_ISOLATION ON");
        server.Script = Snapshot(1);
        Assert.Empty(Problems(await ExamineAsync(site)));

        static TdsScript Snapshot(int state) => (request, answer) =>
        {
            if (request.Asked.Contains("snapshot_isolation_state", StringComparison.Ordinal))
            {
                answer.Columns(TdsColumn.Int(""));
                answer.Row(state);
                answer.Done(TdsCommand.Select, 1);
            }
            return Task.CompletedTask;
        };
    }

    [Fact]
    public async Task A_practice_whose_id_cannot_be_read()
    {
        await using var server = new TdsServer((request, answer) =>
        {
            if (request.Asked.Contains("FROM practice", StringComparison.Ordinal))
                answer.Error(208, "Invalid object name 'practice'.");
            return Task.CompletedTask;
        });
        await IsTheOneProblemAsync(Site(server.ConnectionString) with { PracticeManagementSiteId = new(null, "SELECT id FROM practice") }, "practiceManagementSiteId", "208", "correct that setting's SQL");
    }

    [Fact]
    public async Task A_healthy_SQL_Server_site_has_no_problem_and_tells_its_protection()
    {
        await using var server = new TdsServer((_, _) => Task.CompletedTask);
        var site = Site(server.ConnectionString) with { Policy = new(new() { ReadOnly = true }, new Dictionary<Guid, PolicyRules>()) };
        var report = await ExamineAsync(site);
        Assert.Empty(Problems(report));
        Assert.Contains(report.Checks, c => c.Message.Contains("is the practice Best Practice 12345", StringComparison.Ordinal));
        Assert.Contains(report.Checks, c => c.Message.Contains("deadlockPriority low, lockTimeoutMs 5000, isolation readCommitted, blockingGuardMs 3000, slowReaderMs 30000", StringComparison.Ordinal));
        Assert.Contains(report.Checks, c => c.Message.Contains("can only read", StringComparison.Ordinal));
    }

    [Fact]
    public async Task PostgreSQL_is_asked_the_same_way()
    {
        Assert.SkipWhen(PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
        await using var server = await PostgresServer.StartAsync("fsync=off");
        var site = Site(server.ConnectionString()) with { Engine = EngineNames.Postgres, Policy = new(new() { ReadOnly = true }, new Dictionary<Guid, PolicyRules>()) };
        // The tests' login is a superuser.
        await IsTheOneProblemAsync(site, "it is a superuser", "deploy/sql/postgres-reader.sql");
        await IsTheOneProblemAsync(site with { Policy = null, ConnectionString = server.ConnectionString() + ";Database=no_such" }, "no_such", "3D000");
        Assert.Empty(Problems(await ExamineAsync(site with { Policy = null })));
    }

    [Theory]
    [InlineData("reader,scalar", false, true)]
    [InlineData("reader", false, true)]
    [InlineData("scalar", false, true)]
    [InlineData("reader,scalar", true, false)]
    [InlineData("reader,nonQuery", false, false)]
    [InlineData(null, false, false)]
    public async Task Modes_that_alone_keep_an_integrator_from_writing_are_a_warning(string? modes, bool readOnly, bool warns)
    {
        await using var server = new TdsServer((_, _) => Task.CompletedTask);
        var rules = new PolicyRules { Modes = modes is null ? null : new HashSet<string>(modes.Split(',')), ReadOnly = readOnly };
        var none = new PolicyRules();
        // Whether they are everybody's or one integrator's.
        foreach (var policy in (PolicySettings[])[new(rules, new Dictionary<Guid, PolicyRules>()), new(none, new Dictionary<Guid, PolicyRules> { [Guid.NewGuid()] = rules })])
        {
            var report = await ExamineAsync(Site(server.ConnectionString) with { Policy = policy });
            Assert.Empty(Problems(report));
            var warnings = report.Checks.Where(c => c.State == CheckState.Warning && c.Message.Contains("modes alone", StringComparison.Ordinal)).ToList();
            Assert.Equal(warns ? 1 : 0, warnings.Count);
            Assert.All(warnings, w => Assert.Contains("set readOnly", w.Message, StringComparison.Ordinal));
            Assert.Equal(warns, report.ToText().Contains("modes alone", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task A_SQLite_file_that_is_not_there()
    {
        var site = Site($"Data Source={Path.Combine(_folder, "gone.db")};Mode=ReadWrite") with { Engine = EngineNames.Sqlite };
        await IsTheOneProblemAsync(site, "cannot connect to its database");
    }

    [Fact]
    public async Task The_way_to_the_API_says_what_the_running_Link_would_say()
    {
        await using var server = new TdsServer((_, _) => Task.CompletedTask);
        var dead = $"http://127.0.0.1:{ScriptedServer.DeadPort()}";
        var check = Assert.Single(Problems(await ExamineAsync(Site(server.ConnectionString), s => s with { Api = new(dead) })));
        Assert.Equal("api", check.Subject);
        Assert.Contains("refuses connections", check.Message, StringComparison.Ordinal);
        await using var proxy = new ScriptedServer("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        check = Assert.Single(Problems(await ExamineAsync(Site(server.ConnectionString), s => s with
        {
            Api = new("https://halo.example"),
            Proxy = new() { Address = new($"http://127.0.0.1:{proxy.Port}"), User = "u", Password = Password },
        })));
        Assert.Contains("proxy.user and proxy.password", check.Message, StringComparison.Ordinal);
        await using var api = await TestApi.StartAsync();
        api.ClockShift = TimeSpan.FromHours(3);
        check = Assert.Single(Problems(await ExamineAsync(Site(server.ConnectionString), s => s with { Api = new(api.Address) })));
        Assert.Equal("clock", check.Subject);
        Assert.Contains("set its time and time zone", check.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_running_Link_tells_whether_it_has_a_session()
    {
        await using var api = await TestApi.StartAsync();
        await using var link = new RunningLink(api.Address).Start();
        await (await api.NextSessionAsync()).WelcomeAsync();
        var report = await Eventually.BecomesAsync(() => Doctor.ExamineAsync(link.Settings, null, TimeProvider.System, TestContext.Current.CancellationToken),
            r => r.Checks.Any(c => c.Subject == "agent" && c.State == CheckState.Ok));
        Assert.Empty(Problems(report));
        Assert.Contains(report.Checks, c => c.Message.Contains("is connected to " + api.Address, StringComparison.Ordinal));
    }

    /// <summary>Everything else about it is in order, what is wrong is one line, and no secret is in it.</summary>
    async Task IsTheOneProblemAsync(SiteSettings site, params string[] words)
    {
        var report = await ExamineAsync(site);
        var problem = Assert.Single(Problems(report));
        Assert.Equal("sites[0]", problem.Subject);
        foreach (var word in words)
            Assert.Contains(word, problem.Message, StringComparison.Ordinal);
        Assert.False(report.Healthy);
        var line = Assert.Single(report.ToText().Split(Environment.NewLine), l => l.StartsWith("problem", StringComparison.Ordinal));
        Assert.Contains(words[0], line, StringComparison.Ordinal);
        var json = JsonSerializer.Serialize(report, DoctorJson.Default.DoctorReport);
        Assert.Contains("\"state\": \"problem\"", json, StringComparison.Ordinal);
        Assert.DoesNotContain(Password, json + report.ToText(), StringComparison.Ordinal);
    }

    async Task<DoctorReport> ExamineAsync(SiteSettings site, Func<LinkSettings, LinkSettings>? change = null)
    {
        await using var api = change is null ? await TestApi.StartAsync() : null;
        var settings = new LinkSettings { Api = new(api?.Address ?? "http://127.0.0.1:9"), DataDirectory = Path.Combine(_folder, "data"), Sites = [site] };
        var report = await Doctor.ExamineAsync(change?.Invoke(settings) ?? settings, null, TimeProvider.System, TestContext.Current.CancellationToken);
        // It looks, and leaves nothing.
        Assert.False(Directory.Exists(settings.DataDirectory));
        return report;
    }

    static IEnumerable<DoctorCheck> Problems(DoctorReport report) => report.Checks.Where(c => c.State == CheckState.Problem);

    static SiteSettings Site(string connectionString) => new()
    {
        Engine = EngineNames.SqlServer,
        ConnectionString = connectionString.Replace("Password=secret", $"Password={Password}", StringComparison.Ordinal),
        PracticeManagementName = new("Best Practice", null),
        PracticeManagementSiteId = new("12345", null),
        Catalogues = [new("practice", null, true)],
    };
}

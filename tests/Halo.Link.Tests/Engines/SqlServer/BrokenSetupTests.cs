using System.Net;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.Link.Sites;
using Halo.Link.Tests.Session;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Halo.Testing.Tds;
using Microsoft.Data.SqlClient;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Tests.Engines.SqlServer;

/// <summary>What is wrong with a practice's server is said with its own words, and what to do, in one sentence. docs/sql-server.md lists them.</summary>
public sealed class BrokenSetupTests
{
    [Theory]
    [InlineData(18456, 14, "Login failed for user 'halo'.", "Correct the login or its password")]
    [InlineData(18486, 14, "Login failed for user 'halo' because the account is currently locked out.", "unlock it on the server")]
    [InlineData(4060, 11, "Cannot open database \"clinic\" requested by the login. The login failed.", "Correct the database's name")]
    [InlineData(916, 14, "The server principal \"halo\" is not able to access the database \"clinic\".", "Give the login a user in the database")]
    [InlineData(924, 14, "Database 'clinic' is already open and can only have one user at a time.", "set it back to MULTI_USER")]
    [InlineData(942, 14, "Database 'clinic' cannot be opened because it is offline.", "bring it online")]
    [InlineData(17142, 14, "SQL Server service has been paused.", "continue it")]
    public async Task What_the_server_says_at_login_is_told_with_what_to_do(int number, byte severity, string words, string advice)
    {
        await using var bench = new TdsBench((_, _) => Task.CompletedTask, new() { Refuse = _ => (number, severity, words) });
        var fault = await FaultAsync(bench.Engine.Engine);
        Assert.Equal((number, words, FailureCodes.DatabaseUnavailable), (fault.Error.ErrorCode, fault.Error.ErrorMessage, fault.Error.Code));
        Assert.Contains(advice, fault.Words, StringComparison.Ordinal);
        Assert.Equal(number is 18456 or 18486, fault.LoginRefused);
        await IsToldAsync(bench.Engine, bench.Server.ConnectionString, fault);
    }

    /// <summary>The caller is answered with the server's words, and beside them what to do; both stand in the log and in the status.</summary>
    static async Task IsToldAsync(EngineBench bench, string connectionString, ConnectionFault fault)
    {
        await StandsInLogAndStatusAsync(connectionString, fault);
        var result = await bench.RunAsync("SELECT 1 AS v");
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.DatabaseUnavailable, fault.Error.ErrorMessage),
            (result.Ending, result.Executed, result.Error!.Code, result.Error.ErrorMessage));
        Assert.Equal([new Notice(NoticeCodes.Advice, fault.Advice)], result.Notices);
    }

    static async Task StandsInLogAndStatusAsync(string connectionString, ConnectionFault fault)
    {
        await using var sites = OneSite.Of(EngineNames.SqlServer, connectionString);
        var log = new LogLines();
        using var logs = LoggerFactory.Create(b => b.AddProvider(log));
        var healths = new DatabaseHealths(sites, TimeProvider.System, logs.CreateLogger<DatabaseHealths>());
        // A busy machine needs more than the five seconds of one check.
        var health = await Eventually.BecomesAsync(async () => Assert.Single(await healths.CheckAsync(TestContext.Current.CancellationToken)).Health, h => h.ErrorCode != "Timeout");
        Assert.Equal((DatabaseStatus.Failing, $"{fault.Error.ErrorCode}"), (health.Status, health.ErrorCode));
        // What status prints.
        Assert.Equal(fault.Words, Assert.Single(sites.All.Single().Outages).Outage.Fault.Words);
        Assert.Contains(fault.Words, Assert.Single(log.Of(2050)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_of_the_servers_own_making_is_named_with_the_two_ways_out()
    {
        await using var bench = new TdsBench((_, _) => Task.CompletedTask, new() { Tls = true }, settings: ";TrustServerCertificate=false");
        var fault = await FaultAsync(bench.Engine.Engine);
        await IsToldAsync(bench.Engine, bench.Server.ConnectionString + ";TrustServerCertificate=false", fault);
        Assert.Contains("TrustServerCertificate=true", fault.Words, StringComparison.Ordinal);
        Assert.Contains("certificate", fault.Error.ErrorMessage, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task A_port_where_nobody_listens_is_refused_and_says_to_enable_TCP()
    {
        var fault = await FaultAsync(Engine("Server=127.0.0.1,9"));
        await StandsInLogAndStatusAsync(Settings("Server=127.0.0.1,9"), fault);
        Assert.Contains("enable TCP/IP", fault.Words, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_the_first_server_is_down_the_driver_still_gets_to_its_failover_partner()
    {
        // Slower than the time after which a server that does not let in is looked at.
        await using var partner = new TdsServer((_, _) => Task.CompletedTask, new() { Refuse = _ => Wait((18456, 14, "Login failed for user 'halo'.")) });
        var settings = $"Server=tcp:127.0.0.1,1;Failover Partner=tcp:127.0.0.1,{partner.Port};Database=clinic;User Id=halo;Password=secret;Encrypt=Optional;Connect Timeout=60";
        await using var engine = DatabaseEngines.Create(EngineNames.SqlServer, settings, TimeProvider.System);
        var answer = await Assert.ThrowsAsync<SqlException>(() => engine.OpenAsync(null, null, CommandAccess.Write, TestContext.Current.CancellationToken));
        Assert.Equal(18456, answer.Number);

        static (int, byte, string) Wait((int, byte, string) refusal)
        {
            Thread.Sleep(2000);
            return refusal;
        }
    }

    [Fact]
    public async Task An_instance_without_its_browser_says_so()
    {
        await using var bench = new EngineBench(Engine(@"Server=127.0.0.1\NOSUCHINSTANCE"));
        var fault = await FaultAsync(bench.Engine);
        Assert.Contains("UDP port 1434", fault.Words, StringComparison.Ordinal);
        await IsToldAsync(bench, Settings(@"Server=127.0.0.1\NOSUCHINSTANCE"), fault);
    }

    [Fact]
    public async Task A_browser_tells_the_port_of_an_instance_and_of_a_wrong_name_says_nothing()
    {
        var address = IPAddress.Parse("127.0.0.77");
        await using var server = new TdsServer((_, _) => Task.CompletedTask, new() { Address = address });
        await using var browser = new SqlBrowser(address, "CLINIC", server.Port);
        await using (var right = new EngineBench(Engine($@"Server={address}\CLINIC")))
            Assert.Equal(Ending.Successful, (await right.RunAsync("SELECT 1 AS v")).Ending);
        await using var wrong = new EngineBench(Engine($@"Server={address}\CLINIK"));
        var fault = await FaultAsync(wrong.Engine);
        Assert.Contains("correct its name", fault.Words, StringComparison.Ordinal);
        await IsToldAsync(wrong, Settings($@"Server={address}\CLINIK"), fault);
    }

    [Fact]
    public async Task A_server_that_speaks_TLS_1_0_alone_is_to_be_updated()
    {
        await using var bench = new TdsBench((_, _) => Task.CompletedTask, new() { OldTls = true }, settings: ";Encrypt=Mandatory");
        var fault = await FaultAsync(bench.Engine.Engine);
        Assert.Contains("TLS 1.2 came to SQL Server 2008 to 2014 by updates", fault.Words, StringComparison.Ordinal);
        await IsToldAsync(bench.Engine, bench.Server.ConnectionString + ";Encrypt=Mandatory", fault);
    }

    [Fact]
    public async Task A_server_without_encryption_says_what_to_do()
    {
        await using var server = new TdsServer((_, _) => Task.CompletedTask);
        var fault = await FaultAsync(Engine($"Server=127.0.0.1,{server.Port}", "Mandatory"));
        await StandsInLogAndStatusAsync(Settings($"Server=127.0.0.1,{server.Port}", "Mandatory"), fault);
        Assert.Contains("Encrypt=Optional", fault.Words, StringComparison.Ordinal);
    }

    static IDatabaseEngine Engine(string server, string encrypt = "Optional") => DatabaseEngines.Create(EngineNames.SqlServer, Settings(server, encrypt), TimeProvider.System);

    static string Settings(string server, string encrypt = "Optional") =>
        $"{server};Database=clinic;User ID=halo;Password=hidden-word;Encrypt={encrypt};Connect Timeout=30;ConnectRetryCount=0";

    static async Task<ConnectionFault> FaultAsync(IDatabaseEngine engine)
    {
        var e = await Assert.ThrowsAnyAsync<Exception>(() => engine.OpenAsync(null, null, TestContext.Current.CancellationToken));
        var fault = engine.NameConnectionFault(e);
        Assert.DoesNotContain("hidden-word", fault.Words, StringComparison.Ordinal);
        return fault;
    }
}

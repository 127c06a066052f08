using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.LinkProtocol.Messages;
using Halo.Testing.Tds;

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
        Assert.Equal((Ending.Failed, Executed.No), await bench.RunAsync(new("SELECT 1 AS v")) is var r ? (r.Ending, r.Executed) : default);
    }

    [Fact]
    public async Task A_certificate_of_the_servers_own_making_is_named_with_the_two_ways_out()
    {
        await using var bench = new TdsBench((_, _) => Task.CompletedTask, new() { Tls = true }, settings: ";TrustServerCertificate=false");
        var fault = await FaultAsync(bench.Engine.Engine);
        Assert.Contains("TrustServerCertificate=true", fault.Words, StringComparison.Ordinal);
        Assert.Contains("certificate", fault.Error.ErrorMessage, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task A_port_where_nobody_listens_is_refused_and_says_to_enable_TCP()
    {
        var fault = await FaultAsync(Engine("Server=127.0.0.1,9"));
        Assert.Contains("enable TCP/IP", fault.Words, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_instance_without_its_browser_says_so()
    {
        var fault = await FaultAsync(Engine(@"Server=127.0.0.1\NOSUCHINSTANCE"));
        Assert.Contains("UDP port 1434", fault.Words, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_without_encryption_says_what_to_do()
    {
        await using var server = new TdsServer((_, _) => Task.CompletedTask);
        var fault = await FaultAsync(Engine($"Server=127.0.0.1,{server.Port}", "Mandatory"));
        Assert.Contains("Encrypt=Optional", fault.Words, StringComparison.Ordinal);
    }

    static IDatabaseEngine Engine(string server, string encrypt = "Optional") => DatabaseEngines.Create(EngineNames.SqlServer,
        $"{server};Database=clinic;User ID=halo;Password=hidden-word;Encrypt={encrypt};Connect Timeout=30;ConnectRetryCount=0", TimeProvider.System);

    static async Task<ConnectionFault> FaultAsync(IDatabaseEngine engine)
    {
        var e = await Assert.ThrowsAnyAsync<Exception>(() => engine.OpenAsync(null, null, TestContext.Current.CancellationToken));
        var fault = engine.NameConnectionFault(e);
        Assert.DoesNotContain("hidden-word", fault.Words, StringComparison.Ordinal);
        return fault;
    }
}

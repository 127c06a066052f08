using System.Net;
using System.Net.Sockets;
using Halo.Contracts.Queries;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.BadInput;

/// <summary>A program that cannot start says why, all of it, and what to do; one that only has to wait, waits.</summary>
public sealed class BadStartTests : IDisposable
{
    readonly string _directory = Directory.CreateTempSubdirectory("halo-bad-").FullName;

    [Fact]
    public async Task The_Link_names_three_mistakes_at_once()
    {
        await using var link = RunLink(await ConfigurationAsync("""
            { "api": "not an address", "dataDirectory": "data", "sites": [ { "engine": "oracle", "connectionString": "", "practiceManagementName": "X", "practiceManagementSiteId": "1" } ] }
            """));
        await FailedAsync(link, "api", "sites[0].engine", "sites[0].connectionString");
    }

    [Theory]
    [InlineData("{ \"api\": ")]
    [InlineData("")]
    [InlineData("[]")]
    public async Task The_Link_names_a_configuration_that_is_no_JSON(string text)
    {
        var file = await ConfigurationAsync(text);
        await using var link = RunLink(file);
        await FailedAsync(link, file);
    }

    [Fact]
    public async Task The_Link_names_a_configuration_file_that_is_absent()
    {
        var file = Path.Combine(_directory, "nowhere.json");
        await using var link = RunLink(file);
        await FailedAsync(link, file);
    }

    [Fact]
    public async Task The_Link_names_a_data_directory_that_cannot_be_written()
    {
        var data = Unwritable();
        await using var link = RunLink(await ConfigurationAsync($$"""
            { "api": "http://127.0.0.1:9", "dataDirectory": "{{data}}", "sites": [ { "engine": "sqlite", "connectionString": "Data Source={{_directory}}/x.db", "practiceManagementName": "X", "practiceManagementSiteId": "1" } ] }
            """));
        await FailedAsync(link, data);
    }

    [Fact]
    public async Task The_API_names_a_data_directory_that_cannot_be_written()
    {
        await using var fixture = HaloFixture.Create();
        var data = Unwritable();
        await using var api = fixture.Api.Launch(("Halo__DataDirectory", data));
        await FailedAsync(api, data);
    }

    [Fact]
    public async Task The_API_names_a_setting_that_it_cannot_read()
    {
        await using var fixture = HaloFixture.Create();
        await using var api = fixture.Api.Launch(("Halo__Enrolment", "sometimes"));
        await FailedAsync(api, "Halo:Enrolment");
    }

    [Theory]
    [InlineData("http://127.0.0.1:5099x")]
    [InlineData("http://127.0.0.1:99999")]
    [InlineData("http://300.1.1.1:5099")]
    [InlineData("127.0.0.1:5099")]
    [InlineData("http://192.0.2.1:5099")]
    [InlineData("https://127.0.0.1:0")]
    public async Task The_API_names_an_address_on_which_it_cannot_listen(string address)
    {
        await using var api = RunApi(address);
        await FailedAsync(api, address, "--urls");
        Assert.Equal(2, await api.Exited);
    }

    [Theory]
    [InlineData("http://0.0.0.0:0", null)]
    [InlineData("http://127.0.0.1:0;https://*:0", null)]
    [InlineData("http://[::]:0", null)]
    [InlineData("http://halo.example:0", null)]
    [InlineData("http://127.0.0.1:0", "https://192.0.2.1:0")]
    public async Task The_API_does_not_listen_beyond_loopback_without_its_public_address(string urls, string? endpoint)
    {
        await using var api = HaloProcess.Start(Repository.Program("Halo.Api", "halo-api"),
            ["--urls", urls, "--Halo:DataDirectory", Path.Combine(_directory, "api"), .. endpoint is null ? Array.Empty<string>() : ["--Kestrel:Endpoints:Open:Url", endpoint]],
            workingDirectory: _directory);
        await FailedAsync(api, endpoint ?? urls.Split(';')[^1], "Halo:PublicAddress", "https://halo.example");
        Assert.Equal(2, await api.Exited);
    }

    [Fact]
    public async Task The_API_names_a_port_that_is_in_use()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var address = $"http://{other.LocalEndpoint}";
        await using var api = RunApi(address);
        await FailedAsync(api, address, "already in use", "--urls");
        Assert.Equal(2, await api.Exited);
    }

    [Fact]
    public async Task The_API_names_a_store_that_it_cannot_reach()
    {
        await using var fixture = HaloFixture.Create();
        await using var api = fixture.Api.Launch(("Halo__Storage__ConnectionString", "Host=127.0.0.1;Port=9;Username=halo;Password=hidden-word;Timeout=2"),
            ("Halo__Encryption__MasterKey", Convert.ToBase64String(new byte[32])));
        await FailedAsync(api, "Halo:Storage:ConnectionString");
        Assert.DoesNotContain("hidden-word", api.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_Link_waits_for_an_API_that_is_down_and_connects_when_it_is_up()
    {
        await using var fixture = HaloFixture.Create();
        var link = fixture.AddLink(new LinkSite("sqlite", fixture.SqliteFile()));
        await link.LaunchAsync();
        await link.Process.WaitForLineAsync(line => line.Contains("reach", StringComparison.OrdinalIgnoreCase)
            || line.Contains("refused", StringComparison.OrdinalIgnoreCase) || line.Contains("again", StringComparison.OrdinalIgnoreCase));
        await fixture.Api.StartAsync();
        var site = (await link.WhenOnlineAsync())[0];

        var integrator = await fixture.MakeIntegratorAsync();
        await fixture.Api.PairAsync(integrator, site.Id);
        Assert.Equal(HttpStatusCode.OK, (await integrator.ImmediateAsync(site.Id, "SELECT 1")).Status);
    }

    [Fact]
    public async Task A_site_whose_Link_is_gone_answers_503_and_says_that_nothing_ran()
    {
        await using var fixture = await HaloFixture.StartAsync();
        var (link, site, integrator) = await fixture.AddPairedAsync(new LinkSite("sqlite", fixture.SqliteFile()));
        link.Process.Terminate();
        await link.Process.Exited;
        var answer = await Eventually.BecomesAsync(() => integrator.ImmediateAsync(site.Id, "SELECT 1", maxTimeInQueue: 0),
            a => a.Status == HttpStatusCode.ServiceUnavailable);
        Assert.Equal(Executed.No, answer.Query.Executed);
        Assert.NotEmpty(answer.Error.Message);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    async Task<string> ConfigurationAsync(string text)
    {
        var file = Path.Combine(_directory, "halo-link.json");
        await File.WriteAllTextAsync(file, text);
        return file;
    }

    /// <summary>A directory below a file: not even root can make it.</summary>
    string Unwritable()
    {
        var file = Path.Combine(_directory, "file");
        File.WriteAllText(file, "");
        return Path.Combine(file, "data");
    }

    HaloProcess RunApi(string address) => HaloProcess.Start(Repository.Program("Halo.Api", "halo-api"),
        ["--urls", address, "--Halo:PublicAddress", "https://halo.example", "--Halo:DataDirectory", Path.Combine(_directory, "api")], workingDirectory: _directory);

    HaloProcess RunLink(string file) =>
        HaloProcess.Start(Repository.Program("Halo.Link", "halo-link"), ["run", "--config", file], workingDirectory: _directory);

    /// <summary>Ended, not with 0, with each of these words in what it wrote, and no stack trace.</summary>
    static async Task FailedAsync(HaloProcess process, params string[] words)
    {
        var code = await process.Exited.WaitAsync(Eventually.Limit);
        Assert.True(code != 0, $"Exit code 0. It wrote:\n{process.Output}");
        foreach (var word in words)
            Assert.Contains(word, process.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", process.Output, StringComparison.Ordinal);
    }
}

using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using static Halo.Client.Tests.Calls.ScriptedServer;

namespace Halo.Client.Tests.Calls;

/// <summary>The client in a program with services, and its traces.</summary>
public sealed class RegistrationTests
{
    [Fact]
    public async Task The_registered_client_calls_with_its_options()
    {
        await using var server = new ScriptedServer(Json("200 OK", """{ "sites": [] }"""));
        await using var services = new ServiceCollection().AddHaloClient(o => (o.Address, o.Key) = (server.Address, "registered")).Services.BuildServiceProvider();
        Assert.Null(await services.GetRequiredService<HaloClient>().Sites.FindAsync("Best Practice", "1 & 2"));
        var request = server.Requests.Single();
        Assert.StartsWith("GET /integrator/sites?practiceManagementName=Best%20Practice&practiceManagementSiteId=1%20%26%202 ", request, StringComparison.Ordinal);
        Assert.Contains("Ocp-Apim-Subscription-Key: registered\r\n", request, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_registered_clients_faulty_options_are_told_when_it_is_made()
    {
        await using var services = new ServiceCollection().AddHaloClient(_ => { }).Services.BuildServiceProvider();
        var error = Assert.Throws<ArgumentException>(services.GetRequiredService<HaloClient>);
        Assert.Contains("Address is required", error.Message, StringComparison.Ordinal);
        Assert.Contains("Key is required", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_trace_goes_on_to_the_service_and_its_id_is_in_the_error()
    {
        using var listener = new ActivityListener { ShouldListenTo = s => s.Name == "Halo.Client", Sample = (ref _) => ActivitySamplingResult.AllDataAndRecorded };
        ActivitySource.AddActivityListener(listener);
        await using var server = new ScriptedServer("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        var error = await Assert.ThrowsAsync<HaloException>(() => server.Site().QueryAsync<int>($"SELECT {"a secret"}"));
        Assert.Contains($"traceparent: 00-{error.TraceId}-", server.Requests.Single(), StringComparison.Ordinal);
        Assert.DoesNotContain("secret", error.ToString(), StringComparison.Ordinal);
    }
}

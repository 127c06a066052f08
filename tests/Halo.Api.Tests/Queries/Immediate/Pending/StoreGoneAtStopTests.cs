using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Queries.Immediate.Pending;

/// <summary>The store takes no query while the service stops.</summary>
public class StoreGoneAtStopTests
{
    [Fact]
    public async Task It_stops_all_the_same()
    {
        var host = await ApiHost.StartAsync();
        var site = await PairedSite.CreateAsync(host);
        await host.Services.GetRequiredService<Database>().WriteAsync(t => t.RunAsync(
            "CREATE TRIGGER full BEFORE INSERT ON queries BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"));
        var asked = site.SendAsync(HttpMethod.Post, "/immediate", PairedSite.SelectOne);
        var (id, _) = await site.Link.ExpectExecuteAsync();
        await site.Link.TellAsync(id, new Outcome(Ending.Successful, Executed.Yes) { RowsAffected = 1 });
        using var response = await asked;
        Assert.Equal(504, (int)response.StatusCode);
        await site.DisposeAsync();
        await host.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30));
    }
}

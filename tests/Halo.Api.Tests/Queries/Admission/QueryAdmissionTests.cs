using System.Net;
using Halo.Api.Integrators;
using Halo.Api.Ledger;
using Halo.Api.Queries.Admission;
using Halo.Api.Queries.Immediate.Pending;
using Halo.Api.Settings;
using Halo.Api.Sites;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Errors;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Queries.Admission;

public class QueryAdmissionTests(OneHost one) : IClassFixture<OneHost>
{
    readonly ApiHost _host = one.Host;

    [Fact]
    public async Task A_right_that_is_taken_away_while_the_days_queries_are_counted_takes_no_query_in()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var services = _host.Services;
        var caller = new IntegratorCaller(services.GetRequiredService<IntegratorDirectory>(), site.Key, IPAddress.Loopback);
        var integrator = $"/admin/v1/integrators/{caller.Integrator.Id}";
        await OperatorAsync(HttpMethod.Patch, integrator, """{ "quota": 5 }""");
        var (counted, database) = (new TaskCompletionSource(), new HookedDatabase(services.GetRequiredService<Database>()));
        database.ReadingEnds = counted.Task;
        using var admission = new QueryAdmission(services.GetRequiredService<SiteAccess>(), new QueryStore(database, services.GetRequiredService<MasterKeys>()), database,
            services.GetRequiredService<PendingQueries>(), new QueryLimits(), TimeProvider.System);
        var taking = admission.TakeAsync(caller, site.Link.SiteId, null).AsTask();
        Assert.False(taking.IsCompleted);
        await OperatorAsync(HttpMethod.Delete, $"{integrator}/pairings/{site.Link.SiteId}");
        counted.SetResult();
        Assert.Equal(ErrorCodes.NotPaired, (await taking)?.Code);
    }

    async Task OperatorAsync(HttpMethod method, string path, string? body = null)
    {
        using var response = await _host.SendAsync(method, path, body, adminKey: ApiHost.AdminKey);
        Assert.True(response.IsSuccessStatusCode);
    }
}

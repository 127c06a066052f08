using Halo.Testing.Processes;

namespace Halo.SystemTests.Fuzz;

/// <summary>What requests are about.</summary>
/// <param name="Site">Is queried; nothing may harm it.</param>
/// <param name="SpareSite">For what an operator can do to a site.</param>
/// <param name="SpareIntegrator">For what an operator can do to an integrator.</param>
/// <param name="Queries">Final queries: with pages, without, failed.</param>
sealed record FuzzTarget(
    string Engine, string Key, Guid Site, Guid SpareSite, Guid SpareIntegrator, IReadOnlyList<Guid> Queries, StrangeLink Link)
{
    public string Host { get; init; } = "127.0.0.1";

    public static async Task<FuzzTarget> PrepareAsync(HaloFixture fixture, string engine, Guid site, Guid spareSite, IntegratorClient integrator)
    {
        var made = await integrator.ImmediateAsync(site, "CREATE TABLE fuzz (n int)", "nonQuery");
        Assert.True(made.Status == System.Net.HttpStatusCode.OK, made.ToString());
        List<Guid> queries = [];
        foreach (var (sql, mode) in ((string, string)[])[(Sql.Generated(engine, 30_000), "reader"), ("INSERT INTO fuzz VALUES (0)", "nonQuery"), ("SELECT * FROM nowhere", "reader")])
        {
            var queued = await integrator.QueueAsync(site, sql, mode);
            await integrator.WhenFinalAsync(site, queued.Query.Id);
            queries.Add(queued.Query.Id);
        }
        var spare = await fixture.MakeIntegratorAsync("Spare");
        return new(engine, integrator.Key, site, spareSite, spare.Id, queries, await StrangeLink.EnrolAsync(fixture.Api.Address))
        {
            Host = fixture.Api.Address.Authority,
        };
    }
}

using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Sites;

/// <summary>Thousands of sites, made in the store of one that a Link has described. The service knows them after its next start.</summary>
static class SiteCopies
{
    /// <summary>Makes them, paired with the integrator.</summary>
    public static Task<int> AddAsync(ApiHost host, Guid integrator, Guid like, int count) => host.Services.GetRequiredService<Database>().WriteAsync(async t =>
    {
        for (var i = 1; i <= count; i++)
        {
            var site = Guid.NewGuid();
            await t.RunAsync(
                """
                INSERT INTO sites (id, link_id, status, engine, pms_name, pms_id, catalogues, metadata, enriched_at, authoritative, authority_shared, confirmed, created_at, updated_at)
                SELECT @id, link_id, 'active', engine, pms_name, @practice, catalogues, metadata, enriched_at, authoritative, authority_shared, confirmed, created_at, 0 FROM sites WHERE id = @like
                """, ("id", site), ("practice", $"copy {i}"), ("like", like));
            await t.RunAsync("INSERT INTO pairings (integrator_id, site_id, paired_by, created_at) VALUES (@id, @site, 'operator', 0)", ("id", integrator), ("site", site));
        }
        return count;
    });
}

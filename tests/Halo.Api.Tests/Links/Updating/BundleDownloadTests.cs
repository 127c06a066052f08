using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using Halo.Api.Endpoints.ForLinks;
using Halo.Api.Tests.Hosting;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Enrolment;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Links.Updating;

public class BundleDownloadTests
{
    const string New = "26.1201.1";

    [Fact]
    public async Task A_Link_fetches_its_bundle_whole_or_from_where_it_broke_off()
    {
        using var bundles = new TestBundle();
        await using var host = await ApiHost.StartAsync(bundles.Setting);
        await using var link = new SimulatedLink(host) { Platform = new("linux", "x64") };
        await link.StartAsync();
        using var none = await link.GetAsync(LinkHttp.BundlePath);
        await none.ErrorAsync(404);
        await host.OfferAsync(bundles, New);

        using var told = await link.GetAsync(LinkHttp.UpdatePath);
        var target = (await told.Content.ReadFromJsonAsync(ProtocolJson.Default.UpdateTarget))!;
        Assert.Equal(New, target.Version);
        Assert.NotNull(target.Now);
        using var whole = await link.GetAsync(LinkHttp.BundlePath);
        var bytes = await whole.Content.ReadAsByteArrayAsync();
        Assert.Equal((HttpStatusCode.OK, target.Length, $"\"{target.Sha256}\""), (whole.StatusCode, bytes.LongLength, whole.Headers.ETag!.Tag));
        Assert.Equal(target.Sha256, Convert.ToHexStringLower(SHA256.HashData(bytes)));

        using var rest = await link.GetAsync(LinkHttp.BundlePath, r => (r.Headers.Range, r.Headers.IfRange) = (new(1000, null), new(whole.Headers.ETag!)));
        Assert.Equal(HttpStatusCode.PartialContent, rest.StatusCode);
        Assert.Equal(bytes[1000..], await rest.Content.ReadAsByteArrayAsync());
        // Of another release nothing is to be had from the middle.
        using var other = await link.GetAsync(LinkHttp.BundlePath, r => (r.Headers.Range, r.Headers.IfRange) = (new(1000, null), new(new System.Net.Http.Headers.EntityTagHeaderValue("\"other\""))));
        Assert.Equal((HttpStatusCode.OK, bytes.LongLength), (other.StatusCode, other.Content.Headers.ContentLength!.Value));

        await host.DecideAsync(New, "pause");
        using var paused = await link.GetAsync(LinkHttp.BundlePath);
        await paused.ErrorAsync(404);
    }

    [Fact]
    public async Task No_more_Links_fetch_at_once_than_may_and_the_others_are_told_when_to_come_again()
    {
        using var bundles = new TestBundle();
        await using var host = await ApiHost.StartAsync(bundles.Setting, "Halo:Updates:Downloads=1");
        await using var link = new SimulatedLink(host) { Platform = new("linux", "x64") };
        await link.StartAsync();
        await host.OfferAsync(bundles, New);
        var downloads = host.Services.GetRequiredService<BundleDownloads>();
        using (downloads.TryEnter())
        {
            using var refused = await link.GetAsync(LinkHttp.BundlePath);
            await refused.ErrorAsync(503);
            Assert.NotNull(refused.Headers.RetryAfter?.Delta);
        }
        // Each gives its place back when it is done.
        for (var i = 0; i < 3; i++)
        {
            await Until.TrueAsync(async () =>
            {
                using var answer = await link.GetAsync(LinkHttp.BundlePath);
                return answer.StatusCode == HttpStatusCode.OK;
            });
        }
    }
}

using System.Text;
using Halo.Api.Tests.Hosting;

namespace Halo.Api.Tests.Results.Pages;

/// <summary>Pages that are small on the way and large when decoded.</summary>
/// <remarks>What the process allocates is measured: nothing else may run.</remarks>
[Collection(nameof(Alone))]
public class PageBombTests(OneHost one) : IClassFixture<OneHost>
{
    /// <summary>A kilobyte that decodes to a quarter of a gigabyte, and a name or a number without end.</summary>
    [Theory]
    [InlineData("[{\"n\":\"")]
    [InlineData("[{\"n\":1")]
    [InlineData("[{\"")]
    [InlineData("[")]
    public async Task A_bomb_is_decoded_no_further_than_its_declared_size_and_never_held_in_memory(string start)
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        var (_, claim) = await site.QueueAndClaimAsync();
        var filler = new byte[1024 * 1024];
        filler.AsSpan().Fill((byte)(start == "[" ? ' ' : '1'));
        var bomb = TestPage.Compress([Encoding.UTF8.GetBytes(start), .. Enumerable.Repeat(filler, 256)]);
        Assert.InRange(bomb.Length, 1, 200_000);
        var before = GC.GetTotalAllocatedBytes(precise: true);
        foreach (var size in (long[])[20, 1L << 31])
        {
            using var refused = await new TestPage(bomb, size, 1).PutAsync(one.Host, site.Link, claim, 1);
            Assert.Equal("body", Assert.Single((await refused.ErrorAsync(400)).Errors!).Field);
        }
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 64L * 1024 * 1024);
    }
}

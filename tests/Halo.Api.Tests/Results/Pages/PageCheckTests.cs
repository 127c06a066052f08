using System.Text;
using Halo.Api.Results.Pages;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Tests.Results.Pages;

/// <summary>Pages are decoded once when they are uploaded; what is not what its headers say is not kept.</summary>
public class PageCheckTests(OneHost one) : IClassFixture<OneHost>
{
    const string Good = """[{"n":1,"t":"a"},{"n":22,"t":null}]""";

    public static TheoryData<string, TestPageData> BadPages => new()
    {
        { "more JSON than Size says", new(Bytes(Good), -1, 0) },
        { "less JSON than Size says", new(Bytes(Good), 1, 0) },
        { "more rows", new(Bytes(Good), 0, -1) },
        { "fewer rows", new(Bytes(Good), 0, 1) },
        { "not JSON", new(Bytes("hello, hello"), 0, 0) },
        { "not an array", new(Bytes("""{"n":1}"""), 0, 1 - 2) },
        { "an array of numbers", new(Bytes("[1,2]"), 0, 0) },
        { "an object in a row", new(Bytes("""[{"n":{"m":1}},{"n":1}]"""), 0, 0) },
        { "a list in a row", new(Bytes("""[{"n":[1]},{"n":1}]"""), 0, 0) },
        { "two arrays", new(Bytes("[][]"), 0, -2) },
        { "cut short", new(Bytes("""[{"n":1},{"n":2}"""), 0, 0) },
        { "line breaks", new(Bytes("""[{"n":1},{"n":2}]""" + "\n"), 0, 0) },
        { "a bad escape in a long text", new(Bytes($$"""[{"n":"{{new string('x', 200_000)}}\q{{new string('x', 200_000)}}"},{}]"""), 0, 0) },
        { "a raw control character in a long text", new(Bytes($$"""[{"n":"{{new string('x', 200_000)}}{{'\u0001'}}"},{}]"""), 0, 0) },
    };

    [Theory, MemberData(nameof(BadPages))]
    public async Task A_page_that_is_not_what_its_headers_say_is_refused_and_nothing_is_kept(string what, TestPageData bad)
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        var (query, claim) = await site.QueueAndClaimAsync();
        var page = new TestPage(TestPage.Compress(bad.Json), bad.Json.Length + bad.SizeOff, 2 + bad.RowsOff);
        using var refused = await page.PutAsync(one.Host, site.Link, claim, 1);
        var error = await refused.ErrorAsync(400);
        Assert.True(error.Code == ErrorCodes.InvalidRequest && Assert.Single(error.Errors!).Field == "body", what);
        Assert.Empty((await site.GetAsync(query.Id)).Result?.Pages ?? []);
        Assert.DoesNotContain(Directory.GetFiles(one.Host.DataDirectory, "*", SearchOption.AllDirectories), f => f.Contains(query.Id.ToString(), StringComparison.Ordinal));
        using var good = await TestPage.Of(Good, 2).PutAsync(one.Host, site.Link, claim, 1);
        Assert.Equal(200, (int)good.StatusCode);
    }

    [Fact]
    public async Task Bytes_behind_the_Brotli_stream_and_a_stream_without_its_end_are_refused()
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        var (_, claim) = await site.QueueAndClaimAsync();
        var whole = TestPage.Of(Good, 2);
        foreach (var bytes in (byte[][])[[.. whole.Bytes, 0], [.. whole.Bytes, .. whole.Bytes], whole.Bytes[..^1], []])
        {
            using var refused = await (whole with { Bytes = bytes }).PutAsync(one.Host, site.Link, claim, 1);
            Assert.Equal("body", Assert.Single((await refused.ErrorAsync(400)).Errors!).Field);
        }
    }

    [Theory]
    [InlineData(10, 200)]
    [InlineData(16, 200)]
    [InlineData(17, 200)]
    [InlineData(22, 200)]
    [InlineData(23, 400)]
    [InlineData(24, 400)]
    public async Task A_stream_that_a_decoder_must_hold_much_of_is_refused(int window, int status)
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        var (_, claim) = await site.QueueAndClaimAsync();
        var compressed = new byte[1000];
        Assert.True(System.IO.Compression.BrotliEncoder.TryCompress(Bytes(Good), compressed, out var length, quality: 5, window));
        using var answered = await (TestPage.Of(Good, 2) with { Bytes = compressed[..length] }).PutAsync(one.Host, site.Link, claim, 1);
        Assert.Equal(status, (int)answered.StatusCode);
    }

    [Fact]
    public async Task A_page_damaged_on_the_way_is_to_be_sent_again_and_not_refused_for_good()
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        var (_, claim) = await site.QueueAndClaimAsync();
        var whole = TestPage.Of(Good, 2);
        var broken = whole.Bytes.ToArray();
        broken[3] ^= 0xFF;
        using var damaged = await (whole with { Bytes = broken, Digest = System.Security.Cryptography.SHA256.HashData(whole.Bytes) }).PutAsync(one.Host, site.Link, claim, 1);
        Assert.Equal(ErrorCodes.PageDamaged, (await damaged.ErrorAsync(422)).Code);
    }

    [Fact]
    public async Task Long_texts_wide_rows_and_split_characters_pass()
    {
        await using var site = await PairedSite.CreateAsync(one.Host);
        var (_, claim) = await site.QueueAndClaimAsync();
        var text = string.Concat(Enumerable.Repeat("é😀\\\"\\u00e9 x", 50_000));
        var wide = string.Join(',', Enumerable.Range(0, 5_000).Select(i => $"\"column{i}\":{i}.25e3"));
        using var taken = await TestPage.Of($$"""[{"a":"{{text}}","b":true},{{{wide}}},{}]""", 3).PutAsync(one.Host, site.Link, claim, 1);
        Assert.True(taken.IsSuccessStatusCode, await taken.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Checks_take_turns()
    {
        using var places = new SemaphoreSlim(1);
        var filler = new byte[1024 * 1024];
        filler.AsSpan().Fill((byte)'x');
        var huge = TestPage.Compress([Encoding.UTF8.GetBytes("[{\"n\":\""), .. Enumerable.Repeat(filler, 256), Encoding.UTF8.GetBytes("\"}]")]);
        var small = TestPage.Of(Good, 2);
        using PageCheck longOne = new(long.MaxValue, 1, places), shortOne = new(Good.Length, 2, places);
        var first = Task.Run(() => longOne.AddAsync(huge, CancellationToken.None).AsTask());
        await Until.TrueAsync(() => Task.FromResult(places.CurrentCount == 0));
        await shortOne.AddAsync(small.Bytes, CancellationToken.None);
        Assert.Null(shortOne.Complete());
        Assert.False(first.IsCompleted);
        await first;
        Assert.Contains("Size", longOne.Complete(), StringComparison.Ordinal);
    }

    /// <param name="SizeOff">How far Size is from the truth.</param>
    /// <param name="RowsOff">How far Rows-Count is from two.</param>
    public sealed record TestPageData(byte[] Json, int SizeOff, int RowsOff);

    static byte[] Bytes(string json) => Encoding.UTF8.GetBytes(json);
}

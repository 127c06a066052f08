using System.Net;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Testing;
using static Halo.SystemTests.Endings.EndingsHouse;

namespace Halo.SystemTests.Endings;

/// <summary>One row at the limit of an immediate result, one byte over it, and far over it in a page.</summary>
public abstract class HugeRowTests(ITestOutputHelper output)
{
    const int Limit = 8 * 1024 * 1024;

    /// <summary>What stands around the text of the one value: <c>[{"x":"…"}]</c>.</summary>
    const int Around = 10;

    const long Mebi = 1024 * 1024;

    protected abstract Task<EndingsHouse> OpenAsync();

    /// <summary>One row, one column <c>x</c>, of so many characters.</summary>
    protected abstract string RowOf(int characters);

    [Fact]
    public async Task A_row_of_exactly_the_limit_is_answered_and_one_byte_more_is_413()
    {
        await using var house = await OpenAsync();
        var before = house.Link.Process.PeakResidentBytes;
        var exact = await house.AskAsync(Body(RowOf(Limit - Around)));
        Assert.True(exact.Status == HttpStatusCode.OK, exact.Status.ToString());
        var result = exact.Query.Result!;
        Assert.Equal((1L, (long)Limit), (result.Rows, result.Size));
        Assert.Equal(Limit, Convert.FromBase64String(result.Data!).Length);

        var over = await house.AskAsync(Body(RowOf(Limit - Around + 1)));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, over.Status);
        Assert.Equal((Executed.Yes, FailureCodes.ResultTooLarge), (over.Query.Executed, over.Query.ErrorDetails!.Code));

        // Every lane at once, several times: what one needed is given back to the next.
        for (var round = 0; round < 4; round++)
            Assert.All(await Task.WhenAll(Enumerable.Range(0, ImmediateLanes).Select(_ => house.AskAsync(Body(RowOf(Limit - Around))))),
                a => Assert.Equal(HttpStatusCode.OK, a.Status));
        var peak = house.Link.Process.PeakResidentBytes;
        output.WriteLine($"The Link's peak: {before / Mebi} MiB before, {peak / Mebi} MiB after {ImmediateLanes} rows of 8 MiB at once, four times over");
        await house.RestsAsync();
    }

    [Fact]
    public async Task A_page_of_one_huge_row_is_served_as_a_stream_alone()
    {
        await using var house = await OpenAsync();
        const int characters = 20_000_000;
        var ended = await house.WhenFinalAsync(await house.QueueAsync(Body(RowOf(characters))));
        Assert.True(ended.Status == QueryStatus.Successful, $"{ended.Status}: {ended.ErrorDetails}");
        var page = Assert.Single(ended.Result!.Pages!);
        Assert.Equal(characters + Around, page.Size);

        var path = $"integrator/sites/{house.Site.Id}/queries/{ended.Id}/results/1";
        var refused = await house.Integrator.GetAsync(path);
        Assert.True(refused.Status == HttpStatusCode.RequestEntityTooLarge, refused.Status.ToString());
        Assert.Equal(ErrorCodes.ResultTooLarge, refused.Error.Code);
        Assert.Contains("stream", refused.Error.Message, StringComparison.Ordinal);

        foreach (var whole in (string[])[$"{path}/stream", $"integrator/sites/{house.Site.Id}/queries/{ended.Id}/results"])
        {
            var served = await house.Integrator.GetAsync(whole);
            Assert.Equal(HttpStatusCode.OK, served.Status);
            Assert.Equal(characters + Around, served.Body.Length);
            Assert.StartsWith("[{\"x\":\"", served.Body, StringComparison.Ordinal);
        }
        output.WriteLine($"The Link's peak with a value of 20 MB: {house.Link.Process.PeakResidentBytes / Mebi} MiB");
    }
}

public sealed class SqliteHugeRowTests(ITestOutputHelper output) : HugeRowTests(output)
{
    protected override Task<EndingsHouse> OpenAsync() => Houses.SqliteAsync();

    protected override string RowOf(int characters) => $"SELECT substr(hex(zeroblob({characters / 2 + 1})), 1, {characters}) AS x";
}

public sealed class PostgresHugeRowTests(SharedPostgres postgres, ITestOutputHelper output) : HugeRowTests(output)
{
    protected override Task<EndingsHouse> OpenAsync() => Houses.PostgresAsync(postgres);

    protected override string RowOf(int characters) => $"SELECT repeat('x', {characters}) AS x";
}

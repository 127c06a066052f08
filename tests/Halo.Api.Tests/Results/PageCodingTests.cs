using Halo.Api.Results;

namespace Halo.Api.Tests.Results;

public class PageCodingTests
{
    [Theory]
    [InlineData(null, "identity")]
    [InlineData("", "identity")]
    [InlineData("br", "br")]
    [InlineData("gzip, deflate, br", "br")]
    [InlineData("gzip", "gzip")]
    [InlineData("gzip;q=1, br;q=0.5", "gzip")]
    [InlineData("br;q=0, gzip;q=0", "identity")]
    [InlineData("*", "br")]
    [InlineData("br;q=0, *", "gzip")]
    [InlineData("identity", "identity")]
    [InlineData("identity;q=1, br;q=0.9", "identity")]
    [InlineData("rubbish;;;q=x", "identity")]
    public void A_client_gets_the_coding_that_it_takes(string? accepted, string coding) => Assert.Equal(coding, PageCoding.Choose(accepted));
}

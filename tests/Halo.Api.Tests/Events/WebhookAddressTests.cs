using System.Net;
using Halo.Api.Basics;
using Halo.Api.Events;
using Halo.Api.Settings;

namespace Halo.Api.Tests.Events;

public sealed class WebhookAddressTests
{
    static readonly AddressGuard Guard = new(new());

    [Theory]
    [InlineData("8.8.8.8")]
    [InlineData("172.15.255.255")]
    [InlineData("172.32.0.0")]
    [InlineData("100.63.255.255")]
    [InlineData("223.255.255.255")]
    [InlineData("2606:4700::1111")]
    [InlineData("64:ff9b::808:808")]
    [InlineData("2002:808:808::1")]
    [InlineData("::ffff:8.8.8.8")]
    public void Public_addresses_may_be_called(string address) => Assert.True(Guard.Allows(IPAddress.Parse(address)));

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("10.0.0.1")]
    [InlineData("100.64.0.1")]
    [InlineData("127.0.0.1")]
    [InlineData("127.255.255.255")]
    [InlineData("169.254.169.254")]
    [InlineData("172.16.0.1")]
    [InlineData("172.31.255.255")]
    [InlineData("192.0.0.8")]
    [InlineData("192.0.2.1")]
    [InlineData("192.168.0.1")]
    [InlineData("198.18.0.1")]
    [InlineData("198.51.100.1")]
    [InlineData("203.0.113.1")]
    [InlineData("224.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("::7f00:1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("::ffff:10.0.0.1")]
    [InlineData("64:ff9b::a00:1")]
    [InlineData("64:ff9b::7f00:1")]
    [InlineData("2002:a00:1::1")]
    [InlineData("2001::1")]
    [InlineData("2001:db8::1")]
    [InlineData("fc00::1")]
    [InlineData("fdff::1")]
    [InlineData("fe80::1")]
    [InlineData("fec0::1")]
    [InlineData("ff02::1")]
    public void Private_and_special_addresses_may_not(string address) => Assert.False(Guard.Allows(IPAddress.Parse(address)));

    [Fact]
    public void An_operator_may_allow_some_of_them()
    {
        var guard = Allowing("10.1.0.0/16", "::1");
        Assert.True(guard.Allows(IPAddress.Parse("10.1.2.3")));
        Assert.True(guard.Allows(IPAddress.Parse("::ffff:10.1.2.3")));
        Assert.True(guard.AllowsPlain(IPAddress.IPv6Loopback));
        Assert.False(guard.Allows(IPAddress.Parse("10.2.0.1")));
        Assert.False(guard.AllowsPlain(IPAddress.Parse("10.1.2.3")));
        Assert.False(guard.AllowsPlain(IPAddress.Loopback));
    }

    [Theory]
    [InlineData("https://example.com")]
    [InlineData("https://example.com:8443/halo?token=a%20b&q={queryId}")]
    [InlineData("https://example.com/{siteId}/{queryId}/{source}")]
    [InlineData("https://8.8.8.8/halo")]
    public void An_address_of_https_is_taken(string url) => Assert.Null(WebhookAddress.FaultOf(url, Guard));

    [Theory]
    [InlineData("", "absolute")]
    [InlineData("example.com/halo", "absolute")]
    [InlineData("/halo", "https")]
    [InlineData("http://example.com", "https")]
    [InlineData("ftp://example.com", "https")]
    [InlineData("file:///etc/passwd", "absolute")]
    [InlineData("http://127.0.0.1/", "https")]
    [InlineData("http://localhost/", "https")]
    [InlineData("https://127.0.0.1/", "private")]
    [InlineData("https://[::1]/", "private")]
    [InlineData("https://169.254.169.254/latest", "private")]
    [InlineData("https://2130706433/", "private")]
    [InlineData("https://0x7f.1/", "private")]
    [InlineData("https://user:pass@example.com/", "user name")]
    [InlineData("https://example.com/#part", "fragment")]
    [InlineData("https://example.com/a b", "spaces")]
    [InlineData("https://example.com/{patient}", "braces")]
    [InlineData("https://example.com/}", "braces")]
    [InlineData("https://{siteId}.example.com/", "behind the host")]
    [InlineData("https://{siteId}/", "behind the host")]
    [InlineData("https://{source}", "behind the host")]
    [InlineData("https://{siteId}.example.com", "behind the host")]
    [InlineData("https://example{source}.com?a={queryId}", "behind the host")]
    [InlineData("https://example.com:{source}/", "absolute")]
    [InlineData("{siteId}", "absolute")]
    public void Anything_else_is_refused(string url, string said) => Assert.Contains(said, WebhookAddress.FaultOf(url, Guard) ?? "", StringComparison.Ordinal);

    [Fact]
    public void Its_length_is_bounded()
    {
        const string start = "https://example.com/";
        Assert.Null(WebhookAddress.FaultOf(start + new string('a', WebhookAddress.Longest - start.Length), Guard));
        Assert.Contains("2000", WebhookAddress.FaultOf(start + new string('a', WebhookAddress.Longest - start.Length + 1), Guard), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://127.0.0.1:1234/", null)]
    [InlineData("http://localhost:1234/", null)]
    [InlineData("http://10.0.0.1/", "https")]
    [InlineData("https://127.0.0.1/", null)]
    public void Loopback_that_is_allowed_may_be_called_without_TLS(string url, string? said)
    {
        var fault = WebhookAddress.FaultOf(url, Allowing("127.0.0.0/8", "10.0.0.0/8"));
        if (said is null)
            Assert.Null(fault);
        else
            Assert.Contains(said, fault, StringComparison.Ordinal);
    }

    static AddressGuard Allowing(params string[] ranges) => new(new EventOptions { AllowedAddresses = [.. ranges.Select(r => AddressRange.Parse(r)!.Value)] });
}

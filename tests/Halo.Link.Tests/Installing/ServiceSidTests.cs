using Halo.Link.Installing.Windows;

namespace Halo.Link.Tests.Installing;

public sealed class ServiceSidTests
{
    /// <summary>The one that every Windows has, on nearly every file.</summary>
    [Theory]
    [InlineData("TrustedInstaller")]
    [InlineData("trustedinstaller")]
    public void A_service_has_the_identity_that_Windows_gives_it(string name) =>
        Assert.Equal("S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464", ServiceSid.Of(name));
}

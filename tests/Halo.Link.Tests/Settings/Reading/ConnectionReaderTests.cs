using System.Collections;
using Halo.Link.Settings;
using Halo.Link.Settings.Reading;
using Halo.Link.Tests.Work.Async;

namespace Halo.Link.Tests.Settings.Reading;

public sealed class ConnectionReaderTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Times_and_proxy_are_read_and_the_rest_is_as_documented()
    {
        var settings = Read("""
            "proxy": { "address": "http://proxy.clinic.local:3128", "user": "clinic", "password": "secret" },
            "connection": { "pingAfterMs": 1500, "longestWaitMs": 2000 }, "upload": { "stallMs": 900 }, "spool": { "maxBytes": 1048576, "waitForRoomMs": 500 }
            """);
        Assert.Equal("http://proxy.clinic.local:3128/", settings.Proxy!.Address.AbsoluteUri);
        Assert.Equal(("clinic", "secret"), (settings.Proxy.User, settings.Proxy.Password));
        Assert.Equal(new ConnectionSettings { PingAfter = TimeSpan.FromMilliseconds(1500), LongestWait = TimeSpan.FromSeconds(2) }, settings.Connection);
        Assert.Equal(new UploadSettings { Stall = TimeSpan.FromMilliseconds(900) }, settings.Upload);
        Assert.Equal((1L << 20, TimeSpan.FromMilliseconds(500)), (settings.Spool.MaxBytes, settings.Spool.WaitForRoom));
        Assert.DoesNotContain("secret", settings.Proxy.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""
        "connection": { "pingAfterMs": 99 }
        """, "connection.pingAfterMs")]
    [InlineData("""
        "connection": { "pingAfter": 1000 }
        """, "connection.pingAfter")]
    [InlineData("""
        "upload": { "stallMs": 600001 }
        """, "upload.stallMs")]
    [InlineData("""
        "proxy": { "user": "clinic" }
        """, "proxy.address")]
    [InlineData("""
        "proxy": { "address": "http://clinic:secret@proxy:3128" }
        """, "proxy.address")]
    [InlineData("""
        "proxy": { "address": "http://proxy:3128", "password": "secret" }
        """, "proxy.user")]
    public void What_is_wrong_is_named_and_its_value_is_not(string settings, string name)
    {
        var e = Assert.Throws<SettingsException>(() => Read(settings));
        Assert.Contains(name, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", e.Message, StringComparison.Ordinal);
    }

    LinkSettings Read(string more)
    {
        var file = Path.Combine(_folder.Path, "halo-link.json");
        File.WriteAllText(file, $$"""
            { "api": "https://halo.example", "dataDirectory": "data", {{more}},
              "sites": [ { "engine": "sqlite", "connectionString": "Data Source=/data/clinic.db", "practiceManagementName": "Best Practice", "practiceManagementSiteId": "1" } ] }
            """);
        return SettingsReader.Read(file, new Hashtable());
    }
}

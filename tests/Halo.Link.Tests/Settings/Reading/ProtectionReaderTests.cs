using System.Collections;
using Halo.Link.Engines;
using Halo.Link.Settings;
using Halo.Link.Settings.Reading;
using Halo.Link.Tests.Work.Async;

namespace Halo.Link.Tests.Settings.Reading;

public sealed class ProtectionReaderTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Without_settings_the_practice_is_protected()
    {
        var read = Read("sqlServer", "Server=s;Database=d", null).Protection;
        Assert.Equal(new PracticeProtection(), read);
        Assert.Equal(
            (DeadlockPriority.Low, TimeSpan.FromSeconds(5), ReaderIsolation.ReadCommitted, null, TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(30), false),
            (read.DeadlockPriority, read.LockTimeout, read.Isolation, read.MaxDop, read.BlockingGuard, read.SlowReader, read.ReadIntent));
    }

    [Fact]
    public void Each_setting_is_read()
    {
        var read = Read("sqlServer", "Server=s;Database=d",
            """{ "deadlockPriority": "Normal", "lockTimeoutMs": 250, "isolation": "SNAPSHOT", "blockingGuardMs": 100, "slowReaderMs": 1000, "readIntent": true }""").Protection;
        Assert.Equal(new PracticeProtection
        {
            DeadlockPriority = DeadlockPriority.Normal,
            LockTimeout = TimeSpan.FromMilliseconds(250),
            Isolation = ReaderIsolation.Snapshot,
            BlockingGuard = TimeSpan.FromMilliseconds(100),
            SlowReader = TimeSpan.FromSeconds(1),
            ReadIntent = true,
        }, read);
        Assert.Equal(2, Read("postgres", "Host=h;Database=d", """{ "maxDop": 2 }""").Protection.MaxDop);
    }

    [Fact]
    public void Zero_takes_a_bound_away()
    {
        var read = Read("postgres", "Host=h;Database=d", """{ "lockTimeoutMs": 0, "blockingGuardMs": 0, "slowReaderMs": 0, "maxDop": 0 }""").Protection;
        Assert.Equal((null, null, null, null), (read.LockTimeout, read.BlockingGuard, read.SlowReader, read.MaxDop));
    }

    [Theory]
    [InlineData("sqlServer", "Server=s;Database=d", """{ "isolation": "serializable" }""", "isolation")]
    [InlineData("sqlServer", "Server=s;Database=d", """{ "deadlockPriority": "high" }""", "deadlockPriority")]
    [InlineData("sqlServer", "Server=s;Database=d", """{ "blockingGuardMs": 99 }""", "blockingGuardMs")]
    [InlineData("sqlite", "Data Source=x.db", """{ "slowReaderMs": 999 }""", "slowReaderMs")]
    [InlineData("sqlServer", "Server=s;Database=d", """{ "lockTimeoutMs": -1 }""", "lockTimeoutMs")]
    [InlineData("sqlServer", "Server=s;Database=d", """{ "lockTimeout": 5 }""", "lockTimeout")]
    [InlineData("sqlServer", "Server=s;Database=d", """{ "maxDop": 1 }""", "maxDop")]
    [InlineData("postgres", "Host=h;Database=d", """{ "deadlockPriority": "low" }""", "deadlockPriority")]
    [InlineData("postgres", "Host=h;Database=d", """{ "readIntent": true }""", "readIntent")]
    [InlineData("sqlite", "Data Source=x.db", """{ "isolation": "snapshot" }""", "isolation")]
    public void What_the_engine_cannot_hold_to_is_a_fault(string engine, string connectionString, string protection, string name)
    {
        var e = Assert.Throws<SettingsException>(() => Read(engine, connectionString, protection));
        Assert.Equal($"sites[0].protection.{name}", Assert.Single(e.Faults).Name);
    }

    SiteSettings Read(string engine, string connectionString, string? protection)
    {
        var path = Path.Combine(_folder.Path, "halo-link.json");
        File.WriteAllText(path, $$"""
            { "api": "https://halo.example", "dataDirectory": "data", "sites": [ {
                "engine": "{{engine}}", "connectionString": "{{connectionString}}", "practiceManagementName": "X", "practiceManagementSiteId": "1"
                {{(protection is null ? "" : $", \"protection\": {protection}")}} } ] }
            """);
        return SettingsReader.Read(path, new Hashtable()).Sites[0];
    }
}

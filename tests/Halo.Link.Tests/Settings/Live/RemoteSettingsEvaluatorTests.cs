using System.Text.Json;
using Halo.Link.Engines;
using Halo.Link.Files;
using Halo.Link.Settings;
using Halo.Link.Settings.Live;
using Halo.Link.Sites;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Tests.Settings.Live;

public class RemoteSettingsEvaluatorTests
{
    static readonly Guid Site = Guid.NewGuid();

    [Fact]
    public void What_is_within_the_local_maxima_is_followed()
    {
        var judged = Judge("""{ "asyncLanes": 1, "uploads": 2, "heartbeatSeconds": 5, "logLevel": "debug" }""",
            """{ "immediateLanes": 2, "immediateExecutionMs": 1000, "asyncExecutionMs": 2000, "commandTimeoutMs": 500 }""");
        Assert.Empty(judged.Refused);
        Assert.Equal((1, 2, 2, TimeSpan.FromSeconds(5), LogLevel.Debug),
            (judged.AsyncLanes, judged.Uploads, judged.ImmediateLanes(Site), judged.Heartbeat!.Value, judged.LogLevel!.Value));
        Assert.Equal(4, judged.ImmediateLanes(Guid.NewGuid()));
        Assert.Equal(new(1000, 2000, 500), judged.Limits[Site]);
    }

    [Fact]
    public void A_practices_protection_can_only_be_made_stricter()
    {
        var judged = Judge("{}", """{ "lockTimeoutMs": 1000, "blockingGuardMs": 600000, "slowReaderMs": 5000 }""");
        Assert.Empty(judged.Refused);
        var limits = new SiteLimits();
        limits.Set(judged.Limits);
        var own = new PracticeProtection();
        Assert.Equal(own with { LockTimeout = TimeSpan.FromSeconds(1), SlowReader = TimeSpan.FromSeconds(5) }, limits.Tighten(Site, own));
        var unbounded = new PracticeProtection { LockTimeout = null, BlockingGuard = null, SlowReader = null };
        Assert.Equal(unbounded with { LockTimeout = TimeSpan.FromSeconds(1), BlockingGuard = TimeSpan.FromMinutes(10), SlowReader = TimeSpan.FromSeconds(5) }, limits.Tighten(Site, unbounded));
        var strict = new PracticeProtection { LockTimeout = TimeSpan.FromMilliseconds(1), BlockingGuard = TimeSpan.FromMilliseconds(100), SlowReader = TimeSpan.FromSeconds(1) };
        Assert.Equal(strict, limits.Tighten(Site, strict));
        Assert.Same(own, limits.Tighten(Guid.NewGuid(), own));
    }

    [Fact]
    public void Where_the_operator_says_nothing_the_file_holds()
    {
        var judged = RemoteSettingsEvaluator.Of(null, Local(), false);
        Assert.Equal((2, 3, 4), (judged.AsyncLanes, judged.Uploads, judged.ImmediateLanes(Site)));
        Assert.Null(judged.Heartbeat);
        Assert.Null(judged.LogLevel);
    }

    [Fact]
    public void The_local_file_wins_and_each_refusal_says_why()
    {
        var judged = Judge("""{ "asyncLanes": 3, "uploads": 4, "heartbeatSeconds": 0, "logLevel": "none", "someDay": 1, "immediateLanes": 1 }""",
            """{ "immediateLanes": 5, "asyncLanes": 1, "commandTimeoutMs": "fast" }""");
        Assert.Equal((2, 3, 4), (judged.AsyncLanes, judged.Uploads, judged.ImmediateLanes(Site)));
        Assert.Null(judged.Heartbeat);
        Assert.Null(judged.LogLevel);
        Assert.Equal(
            [
                "asyncLanes: the practice allows at most 2, which holds.", "uploads: the practice allows at most 3, which holds.",
                "heartbeatSeconds: must be a whole number from 1 to 300.", "logLevel: must be one of trace, debug, information, warning.",
                "someDay: this version of Halo Link does not know it; update Halo Link.", "immediateLanes: it belongs to a site.",
                "immediateLanes: the practice allows at most 4, which holds.", "asyncLanes: it holds for the Link as a whole.",
                "commandTimeoutMs: must be a whole number from 100 to 86400000.",
            ],
            judged.Refused.Select(r => $"{r.Setting}: {r.Reason}"));
        Assert.Equal(3, judged.Refused.Count(r => r.SiteId == Site));
    }

    [Fact]
    public void A_practice_can_switch_it_off()
    {
        var judged = RemoteSettingsEvaluator.Of(Remote("""{ "asyncLanes": 1 }""", """{ "immediateLanes": 1 }"""), Local() with { RemoteConfiguration = false }, false);
        Assert.Equal((2, 4), (judged.AsyncLanes, judged.ImmediateLanes(Site)));
        Assert.All(judged.Refused, r => Assert.Contains("remoteConfiguration", r.Reason, StringComparison.Ordinal));
        Assert.Equal(2, judged.Refused.Count);
    }

    [Fact]
    public void The_command_line_has_the_last_word_on_the_log()
    {
        var judged = RemoteSettingsEvaluator.Of(Remote("""{ "logLevel": "trace" }""", "{}"), Local(), levelFixed: true);
        Assert.Contains("--log-level", Assert.Single(judged.Refused).Reason, StringComparison.Ordinal);
        var level = new LogLevelSwitch(LogLevel.Warning);
        level.Set(LogLevel.Trace, LogLevel.Debug);
        Assert.Equal(LogLevel.Warning, level.Level);
    }

    [Fact]
    public void Each_word_of_a_level_is_that_level() =>
        Assert.Equal([LogLevel.Trace, LogLevel.Debug, LogLevel.Information, LogLevel.Warning],
            RemoteSettings.LogLevel.Words!.Select(w => Judge($$"""{ "logLevel": "{{w}}" }""", "{}").LogLevel!.Value));

    static RemoteSettingsEvaluator Judge(string whole, string site) => RemoteSettingsEvaluator.Of(Remote(whole, site), Local(), false);

    static LinkSettings Local() => new() { Api = new("https://halo.example"), DataDirectory = "/", Sites = [] };

    static RemoteConfiguration Remote(string whole, string site) => new(1, Read(whole), [new(Site, Read(site))]);

    static Dictionary<string, JsonElement> Read(string json) => JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(json)!;
}

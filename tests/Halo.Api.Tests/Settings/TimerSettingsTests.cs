using System.Text.RegularExpressions;
using Halo.Api.Ledger;
using Halo.Api.Ledger.Records;
using Halo.Api.Links;
using Halo.Api.Queries.Idempotency;
using Halo.Api.Results.Retention;
using Halo.Api.Settings;
using Halo.Api.Sites.State;
using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Api.Tests.Ledger;
using Halo.Api.Tests.Results.Retention;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.LinkProtocol.Messages;
using Halo.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Halo.Api.Tests.Settings;

/// <summary>What a setting says is what happens, for each timer of both programs.</summary>
public sealed partial class TimerSettingsTests(SharedPostgres postgres)
{
    /// <summary>Every setting of docs/configuration.md that is a time, and the test that shows what it does.</summary>
    static readonly Dictionary<string, string> Holding = new(StringComparer.Ordinal)
    {
        ["Halo:AvailabilityDays"] = "AvailabilityHistoryTests.What_is_older_than_the_setting_goes_but_how_it_was_then_is_still_known",
        ["Halo:WarmUpMs"] = "WarmUpTests.A_start_spends_no_longer_on_it_than_it_may",
        ["warmUpMs"] = "WarmUpTests.A_start_spends_no_longer_on_it_than_it_may",
        ["Halo:HeartbeatSeconds"] = "TimerSettingsTests.Links_are_told_how_often_to_report",
        ["Halo:Limits:ImmediateExecutionMs"] = "EndingsTests.The_limit_of_its_mode_ends_it_in_the_database",
        ["Halo:Limits:AsyncExecutionMs"] = "EndingsTests.The_limit_of_its_mode_ends_it_in_the_database",
        ["Halo:Limits:UploadMs"] = "TimerSettingsTests.An_upload_ends_when_its_time_is_over_and_not_before",
        ["Halo:Limits:GraceMs"] = "EndingsTests.A_write_whose_Link_falls_silent_is_504_and_of_unknown_fate_and_stays_so",
        ["Halo:Limits:SlowReaderMs"] = "SlowCallerTests.Who_does_not_read_a_JSON_answer_is_cut_off_and_its_memory_is_free_and_no_other_waits",
        ["Halo:Limits:RegisteredFrequencySeconds"] = "RegisteredRequestTests.The_shortest_time_between_runs_is_a_setting",
        ["Halo:Limits:RegisteredRunMs"] = "RegisteredTests.A_run_that_takes_too_long_is_ended_and_says_so",
        ["Halo:Links:PingAfterMs"] = "LineConnectionTests.Pings_come_as_often_as_the_setting_says_whatever_the_other_setting_is",
        ["Halo:Links:DeadAfterPingMs"] = "LineConnectionTests.A_silent_line_is_dead_ten_seconds_after_the_ping_and_not_before",
        ["Halo:Links:UnreachableAfterMs"] = "TimerSettingsTests.A_site_without_a_session_is_unreachable_when_its_time_is_over_and_not_before",
        ["Halo:Links:ReturnWithinMs"] = "DeadlineTests.What_fell_due_while_the_service_was_away_waits_for_its_link_and_what_is_queued_does_not",
        ["Halo:Updates:SilentAfterMs"] = "UpdateAttemptsTests.A_Link_that_is_silent_after_its_switch_counts_as_failed_when_its_time_is_over_and_not_before",
        ["Halo:Results:RetentionHours"] = "TimerSettingsTests.Results_go_after_as_many_hours_as_set",
        ["Halo:Events:RetentionHours"] = "TimerSettingsTests.Events_go_after_as_many_hours_as_set",
        ["Halo:Events:SiteStateAfterSeconds"] = "SiteEventTests.A_site_that_has_been_there_or_away_for_a_while_is_told_and_not_before",
        ["Halo:Retention:LedgerDays"] = "TimerSettingsTests.Queries_go_after_as_many_days_as_set",
        ["Halo:Retention:AuditDays"] = "TimerSettingsTests.The_audit_log_goes_after_as_many_days_as_set",
        ["spool.waitForRoomMs"] = "TimerSettingsTests.A_reader_waits_for_room_in_the_spool_as_long_as_it_may",
        ["connection.pingAfterMs"] = "LineConnectionTests.Pings_come_as_often_as_the_setting_says_whatever_the_other_setting_is",
        ["connection.deadAfterPingMs"] = "LineConnectionTests.A_silent_line_is_dead_ten_seconds_after_the_ping_and_not_before",
        ["connection.firstWaitMs"] = "TimerSettingsTests.Waits_between_attempts_begin_with_the_first_and_double_up_to_the_longest",
        ["connection.longestWaitMs"] = "TimerSettingsTests.Waits_between_attempts_begin_with_the_first_and_double_up_to_the_longest",
        ["connection.callWithinMs"] = "TimerSettingsTests.A_call_is_given_up_when_its_time_is_over_and_not_before",
        ["upload.firstWaitMs"] = "TimerSettingsTests.Waits_between_attempts_begin_with_the_first_and_double_up_to_the_longest",
        ["upload.longestWaitMs"] = "TimerSettingsTests.Waits_between_attempts_begin_with_the_first_and_double_up_to_the_longest",
        ["upload.stallMs"] = "TimerSettingsTests.A_page_that_makes_no_progress_is_sent_anew_when_its_time_is_over_and_not_before",
        ["….maxSeconds"] = "PracticePolicyTests.The_practices_limit_shortens_and_never_lengthens",
        ["protection.lockTimeoutMs"] = "PostgresGuardTests.A_reader_waits_for_a_lock_no_longer_than_it_may_and_a_nonQuery_as_long_as_its_limit",
        ["protection.blockingGuardMs"] = "PostgresGuardTests.A_command_that_holds_up_the_practice_is_cancelled",
        ["protection.slowReaderMs"] = "SlowReaderTests.On_PostgreSQL_the_statement_is_cancelled_and_its_locks_are_free",
        ["lockTimeoutMs"] = "RemoteSettingsEvaluatorTests.A_practices_protection_can_only_be_made_stricter",
        ["blockingGuardMs"] = "RemoteSettingsEvaluatorTests.A_practices_protection_can_only_be_made_stricter",
        ["slowReaderMs"] = "RemoteSettingsEvaluatorTests.A_practices_protection_can_only_be_made_stricter",
        ["immediateExecutionMs"] = "TimerSettingsTests.Limits_from_afar_shorten_what_the_API_allows_on_their_site_alone",
        ["asyncExecutionMs"] = "TimerSettingsTests.Limits_from_afar_shorten_what_the_API_allows_on_their_site_alone",
        ["commandTimeoutMs"] = "TimerSettingsTests.Limits_from_afar_shorten_what_the_API_allows_on_their_site_alone",
        ["heartbeatSeconds"] = "TimerSettingsTests.A_heartbeat_comes_as_often_as_the_API_says_or_an_operator_set_it",
    };

    [Fact]
    public async Task Every_timer_has_a_test()
    {
        var document = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "configuration.md"), TestContext.Current.CancellationToken);
        var timers = Rows().Matches(document)
            .Where(row => row.Groups["rest"].Value.Split('|')[..^1].Any(cell => Time().IsMatch(cell)))
            .SelectMany(row => Names().Matches(row.Groups["names"].Value).Select(n => n.Groups[1].Value)).ToList();
        Assert.Equal(Holding.Keys.Order(), timers.Distinct().Order());
        var tests = Directory.EnumerateFiles(Path.Combine(Repository.Root, "tests"), "*Tests.cs", SearchOption.AllDirectories)
            .ToLookup(f => Path.GetFileNameWithoutExtension(f), File.ReadAllText);
        Assert.All(Holding.Values, held => Assert.Contains(tests[held.Split('.')[0]], file => file.Contains($" {held.Split('.')[1]}(", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(60)]
    [InlineData(300)]
    public async Task Links_are_told_how_often_to_report(int seconds)
    {
        await using var host = await ApiHost.StartAsync($"Halo:HeartbeatSeconds={seconds}");
        await using var link = new SimulatedLink(host);
        Assert.Equal(seconds, (await link.StartAsync()).HeartbeatSeconds);
    }

    [Theory]
    [InlineData(1000)]
    [InlineData(120_000)]
    [InlineData(3_600_000)]
    public async Task A_site_without_a_session_is_unreachable_when_its_time_is_over_and_not_before(int unreachableAfterMs)
    {
        var time = new ManualTime(DateTimeOffset.UtcNow);
        await using var host = await ApiHost.StartAsync(time, $"Halo:Links:UnreachableAfterMs={unreachableAfterMs}");
        await using var link = new SimulatedLink(host);
        await link.StartAsync();
        time.Advance(TimeSpan.FromMilliseconds(1));
        await link.BreakAsync();
        // The session is gone a moment before the time of its end is noted.
        var links = host.Services.GetRequiredService<LinkDirectory>();
        await Until.TrueAsync(() => Task.FromResult(links.Find(link.LinkId)?.LastHeardAt == time.GetUtcNow()));
        var availability = host.Services.GetRequiredService<Availability>();
        time.Advance(TimeSpan.FromMilliseconds(unreachableAfterMs - 1));
        Assert.Equal(SiteAvailability.Online, availability.Of(link.LinkId));
        time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(SiteAvailability.Unreachable, availability.Of(link.LinkId));
    }

    [Theory]
    [InlineData(1000)]
    [InlineData(3_600_000)]
    [InlineData(86_400_000)]
    public async Task An_upload_ends_when_its_time_is_over_and_not_before(int uploadMs)
    {
        await using var store = await TestStore.CreateAsync(StoreKind.Sqlite, postgres);
        var practice = await Practice.CreateAsync(store);
        var ledger = new TestLedger(store.Database, store.Keys, store.Pages, new() { UploadLimit = TimeSpan.FromMilliseconds(uploadMs) }, store.Time);
        var claim = await practice.AcceptAndClaimAsync();
        await ledger.UploadingAsync(claim.QueryId, claim.ClaimId, new(claim.ClaimId, ReportKind.Uploading) { PageCount = 1, Rows = 1 });
        store.Time.Advance(TimeSpan.FromMilliseconds(uploadMs - 1));
        Assert.Empty(await ledger.DueAsync(store.Now));
        store.Time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Single(await ledger.DueAsync(store.Now));
        Assert.Equal(QueryStatus.UploadFailed, await practice.StatusAsync(claim.QueryId));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(48)]
    public async Task Results_go_after_as_many_hours_as_set(int hours)
    {
        await using var store = await TestStore.CreateAsync(StoreKind.Sqlite, postgres);
        var practice = await Practice.CreateAsync(store);
        var (old, young) = await TwiceAsync(store, async () =>
        {
            var claim = await practice.AcceptAndClaimAsync();
            await store.Ledger.SettleClaimAsync(claim.QueryId, claim.ClaimId, new(QueryStatus.ExecutionFailed, Mover.Link)
            {
                Executed = Executed.No,
                Error = new ErrorDetails(ErrorTypes.SqlServer, 2627, "Violation of UNIQUE KEY"),
            });
            return claim.QueryId;
        });
        await using var watch = StartAtTheEnd(store, TimeSpan.FromHours(hours), new() { RetentionHours = hours }, new());
        await Until.TrueAsync(async () => !(await practice.FindAsync(old)).IsKept);
        Assert.True((await practice.FindAsync(young)).IsKept);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(24)]
    [InlineData(168)]
    public async Task Events_go_after_as_many_hours_as_set(int hours)
    {
        await using var store = await TestStore.CreateAsync(StoreKind.Sqlite, postgres);
        var practice = await Practice.CreateAsync(store);
        await TwiceAsync(store, async () => await store.Ledger.AskCancelAsync(practice.IntegratorId, practice.SiteId, (await practice.AcceptAsync()).Id));
        await using var watch = StartAtTheEnd(store, TimeSpan.FromHours(hours), new(), new(), new() { RetentionHours = hours });
        var reader = new Halo.Api.Ledger.Events.EventReader(store.Database);
        await Until.TrueAsync(async () => await reader.RangeAsync(practice.IntegratorId) == (2, 2));
    }

    [Theory]
    [InlineData(7)]
    [InlineData(400)]
    [InlineData(3650)]
    public async Task Queries_go_after_as_many_days_as_set(int days)
    {
        await using var store = await TestStore.CreateAsync(StoreKind.Sqlite, postgres);
        var practice = await Practice.CreateAsync(store);
        var (old, young) = await TwiceAsync(store, async () =>
        {
            var query = await practice.SendAsync();
            await store.Ledger.SettleImmediateAsync(query.Id, new(QueryStatus.Successful, Mover.Link));
            return query.Id;
        });
        await using var watch = StartAtTheEnd(store, TimeSpan.FromDays(days), new(), new() { LedgerDays = days });
        await Until.TrueAsync(async () => await store.Ledger.FindAsync(practice.IntegratorId, practice.SiteId, old) is null);
        Assert.NotNull(await store.Ledger.FindAsync(practice.IntegratorId, practice.SiteId, young));
    }

    [Theory]
    [InlineData(30)]
    [InlineData(2555)]
    [InlineData(36_500)]
    public async Task The_audit_log_goes_after_as_many_days_as_set(int days)
    {
        await using var store = await TestStore.CreateAsync(StoreKind.Sqlite, postgres);
        var audit = new AuditLog(store.Database, store.Time);
        await TwiceAsync(store, () => store.Database.WriteAsync(async t =>
        {
            await audit.WriteAsync(t, "site.removed", "a-site", "operator");
            return 0;
        }));
        await using var watch = StartAtTheEnd(store, TimeSpan.FromDays(days), new(), new() { AuditDays = days });
        await Until.TrueAsync(async () => await store.CountAsync("SELECT COUNT(*) FROM audit") == 1);
    }

    /// <summary>Two of a kind, five minutes apart.</summary>
    static async Task<(T Old, T Young)> TwiceAsync<T>(TestStore store, Func<Task<T>> make)
    {
        var old = await make();
        store.Time.Advance(TimeSpan.FromMinutes(5));
        return (old, await make());
    }

    /// <summary>When the older one has just reached its time, and the younger one has not.</summary>
    static RetentionWatch StartAtTheEnd(TestStore store, TimeSpan kept, ResultOptions results, RetentionOptions options, EventOptions? events = null)
    {
        store.Time.Advance(kept - TimeSpan.FromMinutes(3));
        var watch = new RetentionWatch(store.Ledger.Retention, new(store.Database), new(store.Database), new(store.Database), new(store.Database), events ?? new(), store.Pages, new IdempotencyStore(store.Database, store.Keys, results, store.Time),
            new AuditLog(store.Database, store.Time), RetentionTests.Orphans(store), results, options, store.Time, NullLogger<RetentionWatch>.Instance);
        _ = watch.StartAsync(CancellationToken.None);
        return watch;
    }

    [GeneratedRegex(@"^\| (?<names>`[^|]+`) \|(?<rest>.*)\|$", RegexOptions.Multiline)]
    private static partial Regex Rows();

    /// <summary>A cell of a range that ends in a unit of time.</summary>
    [GeneratedRegex(@", (ms|s|h|days)(;[^|]*)? $")]
    private static partial Regex Time();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Names();
}

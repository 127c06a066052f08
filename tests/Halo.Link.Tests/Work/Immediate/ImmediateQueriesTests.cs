using System.Text;
using System.Text.Json;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Settings;
using Halo.Link.Tests.Session;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Microsoft.Data.Sqlite;

namespace Halo.Link.Tests.Work.Immediate;

/// <summary>The whole way of an immediate query inside the Link: a real socket, a real SQLite file.</summary>
public class ImmediateQueriesTests
{
    const string Endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    const string Many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i, 'some text to make the row longer' AS t FROM n";

    [Fact]
    public async Task Rows_come_back_as_one_JSON_array_with_their_columns_first()
    {
        await using var world = await World.StartAsync();
        var (head, rows, outcome, _) = await world.AskAsync("SELECT id, name FROM patient ORDER BY id");
        Assert.Equal(["id", "name"], head!.Columns.Select(c => c.Name));
        Assert.Equal("""[{"id":1,"name":"Ann"},{"id":2,"name":"Zoë"}]""", Encoding.UTF8.GetString(rows));
        Assert.Equal((Ending.Successful, Executed.Yes, 2L, (long)rows.Length), (outcome.Ending, outcome.Executed, outcome.Rows!.Value, outcome.Size));
    }

    [Fact]
    public async Task A_result_without_rows_is_an_empty_array_with_columns()
    {
        await using var world = await World.StartAsync();
        var (head, rows, outcome, _) = await world.AskAsync("SELECT id FROM patient WHERE id < 0");
        Assert.Single(head!.Columns);
        Assert.Equal("[]", Encoding.UTF8.GetString(rows));
        Assert.Equal(0, outcome.Rows);
    }

    [Fact]
    public async Task A_large_result_comes_in_pieces_of_at_most_32_KiB_under_credit()
    {
        await using var world = await World.StartAsync();
        var (_, rows, outcome, largest) = await world.AskAsync(Many);
        Assert.True(largest <= ProtocolLimits.MaxChunkBytes);
        Assert.Equal(20_000, outcome.Rows);
        using var document = JsonDocument.Parse(rows);
        Assert.Equal(20_000, document.RootElement.GetArrayLength());
    }

    [Fact]
    public async Task A_row_larger_than_a_piece_is_whole_again_at_the_other_end()
    {
        await using var world = await World.StartAsync();
        var (_, rows, _, largest) = await world.AskAsync("SELECT hex(randomblob(150000)) AS a, 'end' AS b UNION ALL SELECT 'x', 'y'");
        Assert.Equal(ProtocolLimits.MaxChunkBytes, largest);
        using var document = JsonDocument.Parse(rows);
        Assert.Equal(300_000, document.RootElement[0].GetProperty("a").GetString()!.Length);
        Assert.Equal("y", document.RootElement[1].GetProperty("b").GetString());
    }

    [Fact]
    public async Task A_result_over_the_limit_says_that_the_command_was_executed()
    {
        await using var world = await World.StartAsync();
        var (_, rows, outcome, _) = await world.AskAsync(Many, e => e with { MaxResultBytes = 50_000 });
        Assert.True(rows.Length <= 50_000);
        Assert.Equal((Ending.Failed, Executed.Yes, FailureCodes.ResultTooLarge, 413),
            (outcome.Ending, outcome.Executed, outcome.Error!.Code, outcome.Error.ErrorCode));
        Assert.Equal(ErrorTypes.Http, outcome.Error.ErrorType);
    }

    [Fact]
    public async Task A_query_id_runs_once_however_often_it_comes()
    {
        await using var world = await World.StartAsync();
        var id = Guid.NewGuid();
        var insert = World.Query("INSERT INTO patient (name) VALUES ('new')", ExecutionMode.NonQuery);
        var first = (await world.AskAsync(insert, id)).Outcome;
        Assert.Equal((Ending.Successful, 1L), (first.Ending, first.RowsAffected));
        var second = (await world.AskAsync(insert, id)).Outcome;
        Assert.Equal((Ending.Failed, Executed.Unknown), (second.Ending, second.Executed));
        Assert.Equal("[{\"n\":3}]", Encoding.UTF8.GetString((await world.AskAsync("SELECT count(*) AS n FROM patient")).Rows));
    }

    [Fact]
    public async Task An_outcome_is_told_again_in_the_next_session_until_it_is_acknowledged()
    {
        await using var world = await World.StartAsync();
        var id = Guid.NewGuid();
        await world.Session.SendAsync(FrameKind.Execute, id, world.At(World.Query("INSERT INTO patient (name) VALUES ('x')", ExecutionMode.NonQuery)), ProtocolJson.Default.Execute);
        await world.Session.ResultAsync(id, acknowledge: false);
        world.Session.Line.Abort("test");
        var next = await world.Api.NextSessionAsync();
        Assert.Equal([id], (await next.WelcomeAsync()).Immediates);
        Assert.Equal(Ending.Successful, (await next.ResultAsync(id)).Outcome.Ending);
        // The acknowledgement has arrived when the answer to what was sent after it has.
        var later = Guid.NewGuid();
        await next.SendAsync(FrameKind.Execute, later, world.At(new("SELECT 1")), ProtocolJson.Default.Execute);
        await next.ResultAsync(later, acknowledge: false);
        next.Line.Abort("test");
        Assert.Equal([later], (await (await world.Api.NextSessionAsync()).WelcomeAsync()).Immediates);
    }

    [Fact]
    public async Task What_the_API_wants_to_hear_again_comes_with_outcomes_that_a_later_session_tells_and_with_no_others()
    {
        await using var world = await World.StartAsync();
        var (told, running, without) = (Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid());
        byte[] record = [1, 2, 3];
        await world.Session.SendAsync(FrameKind.Execute, told, world.At(new("SELECT 1")) with { Record = record }, ProtocolJson.Default.Execute);
        Assert.Null((await world.Session.ResultAsync(told, acknowledge: false)).Outcome.Record);
        await world.Session.SendAsync(FrameKind.Execute, without, world.At(new("SELECT * FROM nowhere")), ProtocolJson.Default.Execute);
        await world.Session.ResultAsync(without, acknowledge: false);
        // It ends when the session that brought it is over; the answer to what was sent behind it says that it was taken.
        await world.Session.SendAsync(FrameKind.Execute, running, world.At(new(Endless)) with { Record = record }, ProtocolJson.Default.Execute);
        await world.AskAsync("SELECT 1");
        world.Session.Line.Abort("test");

        var next = await world.Api.NextSessionAsync();
        var held = (await next.WelcomeAsync()).Immediates;
        Assert.All([told, running, without], id => Assert.Contains(id, held));
        await next.Line.SendAsync(FrameKind.Cancel, running);
        var outcomes = new Dictionary<Guid, Outcome>();
        while (!new[] { told, running, without }.All(outcomes.ContainsKey))
        {
            var frame = await next.NextAsync(FrameKind.Outcome);
            outcomes[frame.QueryId] = TestSession.Read(frame, ProtocolJson.Default.Outcome);
        }
        Assert.Equal(record, outcomes[told].Record);
        Assert.Equal(record, outcomes[running].Record);
        Assert.Null(outcomes[without].Record);
    }

    [Fact]
    public async Task A_small_result_that_comes_after_the_next_session_has_begun_is_told_there_by_its_outcome()
    {
        await using var world = await World.StartAsync();
        await using var practice = new SqliteConnection(world.Link.Settings.Sites[0].ConnectionString);
        practice.Open();
        // Whoever writes has to wait for this transaction.
        await using var blocking = practice.BeginTransaction(deferred: false);
        var id = Guid.NewGuid();
        await world.Session.SendAsync(FrameKind.Execute, id, world.At(new("INSERT INTO patient (name) VALUES ('x') RETURNING id")) with { Record = [1, 2, 3] }, ProtocolJson.Default.Execute);
        await world.AskAsync("SELECT 1");
        world.Session.Line.Abort("test");
        var next = await world.Api.NextSessionAsync();
        Assert.Contains(id, (await next.WelcomeAsync()).Immediates);
        // What was to be told again at its beginning is behind the answer to this.
        await world.With(next).AskAsync("SELECT 1");
        await blocking.CommitAsync();
        var (_, _, outcome, _) = await next.ResultAsync(id);
        Assert.Equal((Ending.Successful, Executed.Yes), (outcome.Ending, outcome.Executed));
        Assert.Equal([1, 2, 3], outcome.Record);
    }

    [Fact]
    public async Task Outcomes_for_which_the_API_ended_a_session_are_told_in_the_next_without_what_they_brought()
    {
        await using var world = await World.StartAsync();
        var (failed, written) = (Guid.NewGuid(), Guid.NewGuid());
        await world.Session.SendAsync(FrameKind.Execute, failed, world.At(new("SELECT * FROM nowhere")), ProtocolJson.Default.Execute);
        Assert.Contains("nowhere", (await world.Session.ResultAsync(failed, acknowledge: false)).Outcome.Error!.ErrorMessage, StringComparison.Ordinal);
        await world.Session.SendAsync(FrameKind.Execute, written, world.At(World.Query("INSERT INTO patient (name) VALUES ('x')", ExecutionMode.NonQuery)), ProtocolJson.Default.Execute);
        await world.Session.ResultAsync(written, acknowledge: false);
        await world.Session.Line.CloseAsync(LineCloseReason.ProtocolError);

        var next = await world.Api.NextSessionAsync();
        Assert.Equal(new[] { failed, written }.Order(), (await next.WelcomeAsync()).Immediates.Order());
        var told = new Dictionary<Guid, Outcome>();
        while (told.Count < 2)
        {
            var frame = await next.NextAsync(FrameKind.Outcome);
            told[frame.QueryId] = TestSession.Read(frame, ProtocolJson.Default.Outcome);
        }
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.LinkError), (told[failed].Ending, told[failed].Executed, told[failed].Error!.Code));
        Assert.DoesNotContain("nowhere", told[failed].Error!.ErrorMessage, StringComparison.Ordinal);
        // What it changed, and how often, is no text that could end a session.
        Assert.Equal((Ending.Successful, 1), (told[written].Ending, told[written].RowsAffected));
    }

    [Fact]
    public async Task A_running_query_is_stopped_by_Cancel()
    {
        await using var world = await World.StartAsync();
        var id = Guid.NewGuid();
        await world.SendAsync(id, Endless);
        await world.Session.Line.SendAsync(FrameKind.Cancel, id);
        Assert.Equal(Ending.Cancelled, (await world.Session.ResultAsync(id)).Outcome.Ending);
    }

    [Fact]
    public async Task A_query_over_its_execution_limit_is_stopped()
    {
        await using var world = await World.StartAsync();
        var (_, _, outcome, _) = await world.AskAsync(Endless, e => e with { LimitMs = 200 });
        Assert.Equal((Ending.Failed, FailureCodes.ExecutionTimeout), (outcome.Ending, outcome.Error!.Code));
    }

    [Fact]
    public async Task A_query_that_finds_no_place_in_time_expires_and_nothing_runs()
    {
        await using var world = await World.StartAsync(s => s with { Lanes = new() { Immediate = 1 } });
        var busy = Guid.NewGuid();
        await world.SendAsync(busy, Endless);
        var (_, _, outcome, _) = await world.AskAsync("SELECT 1", e => e with { WaitMs = 0 });
        Assert.Equal((Ending.Expired, Executed.No), (outcome.Ending, outcome.Executed));
        await world.Session.Line.SendAsync(FrameKind.Cancel, busy);
        await world.Session.ResultAsync(busy);
    }

    [Fact]
    public async Task An_unknown_catalogue_is_answered_with_the_known_ones()
    {
        await using var world = await World.StartAsync();
        var (_, _, outcome, _) = await world.AskAsync("SELECT 1", e => e with { Catalogue = "Payroll" });
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.UnknownCatalogue), (outcome.Ending, outcome.Executed, outcome.Error!.Code));
        Assert.Contains("practice", outcome.Error.ErrorMessage, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_practice_does_not_allow_never_reaches_the_database()
    {
        var rules = new PolicyRules { Modes = new HashSet<string> { PolicyModes.Reader } };
        await using var world = await World.StartAsync(s => s with
        {
            Sites = [s.Sites[0] with { Policy = new(rules, new Dictionary<Guid, PolicyRules>()) }],
        });
        var outcome = (await world.AskAsync(World.Query("DELETE FROM patient", ExecutionMode.NonQuery), Guid.NewGuid())).Outcome;
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.PolicyRefused, 403),
            (outcome.Ending, outcome.Executed, outcome.Error!.Code, outcome.Error.ErrorCode));
        Assert.Contains("modes", outcome.Error.ErrorMessage, StringComparison.Ordinal);
        Assert.Equal("[{\"n\":2}]", Encoding.UTF8.GetString((await world.AskAsync("SELECT count(*) AS n FROM patient")).Rows));
    }

    [Fact]
    public async Task What_the_database_refuses_comes_in_its_own_words()
    {
        await using var world = await World.StartAsync();
        var (_, _, outcome, _) = await world.AskAsync("SELECT * FROM nowhere");
        Assert.Equal((Ending.Failed, Executed.No, ErrorTypes.Sqlite), (outcome.Ending, outcome.Executed, outcome.Error!.ErrorType));
        Assert.Contains("nowhere", outcome.Error.ErrorMessage, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_message_that_cannot_be_read_is_answered_and_the_session_goes_on()
    {
        await using var world = await World.StartAsync();
        var id = Guid.NewGuid();
        await world.Session.Line.SendAsync(FrameKind.Execute, id, """{"command":{"text":"x","executionMode":"teleport"}}"""u8);
        Assert.Equal((Ending.Failed, Executed.No), Pick((await world.Session.ResultAsync(id)).Outcome));
        await world.Session.Line.SendAsync((FrameKind)0xEE, id, "newer"u8);
        Assert.Equal(Ending.Successful, (await world.AskAsync("SELECT 1")).Outcome.Ending);
    }

    [Fact]
    public async Task More_blocking_queries_than_processors_leave_the_line_alive()
    {
        await using var world = await World.StartAsync(s => s with { Lanes = new() { Immediate = 8 } });
        var ids = Enumerable.Range(0, 7).Select(_ => Guid.NewGuid()).ToList();
        foreach (var id in ids)
            await world.SendAsync(id, Endless);
        Assert.Equal(Ending.Successful, (await world.AskAsync("SELECT 1")).Outcome.Ending);
        foreach (var id in ids)
        {
            await world.Session.Line.SendAsync(FrameKind.Cancel, id);
            await world.Session.ResultAsync(id);
        }
    }

    [Fact]
    public async Task A_stop_ends_what_runs_says_so_and_then_closes()
    {
        await using var world = await World.StartAsync();
        var id = Guid.NewGuid();
        await world.SendAsync(id, Endless);
        // The answer to a later one shows that the first has begun.
        await world.AskAsync("SELECT 1");
        var stopping = world.Link.StopAsync();
        var outcome = (await world.Session.ResultAsync(id)).Outcome;
        Assert.Equal((Ending.Failed, FailureCodes.LinkStopping), (outcome.Ending, outcome.Error!.Code));
        await stopping;
        await world.Session.Ended;
        Assert.Equal(LineCloseReason.LinkStopping, world.Session.Line.CloseReason);
    }

    static (Ending, Executed) Pick(Outcome outcome) => (outcome.Ending, outcome.Executed);
}

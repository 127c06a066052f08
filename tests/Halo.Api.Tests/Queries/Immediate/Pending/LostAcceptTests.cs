using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Queries.Immediate.Pending;

/// <summary>The service was killed before it wrote an accept: its Link tells the outcome, and what the row is made of.</summary>
public class LostAcceptTests(OneHost one) : IClassFixture<OneHost>
{
    readonly ApiHost _host = one.Host;

    static Outcome Done => new(Ending.Successful, Executed.Yes) { Rows = 1, Size = 9, ResultSets = 1, Timings = new(1, 2, 3) };

    [Fact]
    public async Task Its_row_is_made_as_it_would_have_been()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var asked = site.SendAsync(HttpMethod.Post, "/immediate?resultSet=2", """{ "maxTimeInQueue": 12345, "catalogue": "Images", "command": { "text": "SELECT 1 AS n", "timeout": 4321 } }""", tag: "nightly");
        var (id, execute) = await site.Link.ExpectExecuteAsync();
        Assert.NotNull(execute.Record);
        await site.Link.AnswerAsync(id, """[{"n":1}]""", 1);
        (await asked).Dispose();
        var before = await RowAsync(id);
        await LoseAsync(id);

        await ComeBackAsync(site.Link, id);
        await site.Link.TellAsync(id, Done with { Record = execute.Record });
        await ExpectAckAsync(site.Link, id);
        var after = await RowAsync(id);
        Assert.Equal(("Images", "nightly", 12345L, 4321L, 2L), ((string)after["catalogue"]!, (string)after["tag"]!, (long)after["max_time_in_queue"]!, (long)after["execution_limit"]!, (long)after["result_set"]!));
        // When it was told and by which session, and what the tests' Link says of its work, differ.
        foreach (var column in after.Keys.Except(["session_id", "completed_at", "updated_at", "lane_ms", "execute_ms", "encode_ms", "trace_parent", "wrapped_key", "detail"]))
            Assert.Equal((column, before[column]), (column, after[column]));
        Assert.Equal(QueryStatus.Successful, (await site.GetAsync(id)).Status);
    }

    [Fact]
    public async Task What_was_not_made_for_this_query_and_this_run_makes_no_row()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        await using var other = await PairedSite.CreateAsync(_host);
        var (id, record) = await LostAsync(site);
        var (otherId, otherRecord) = await LostAsync(other);
        foreach (var bad in (byte[]?[])[null, [], [1], new byte[64], otherRecord, [.. record[..^1], (byte)(record[^1] ^ 1)], [.. record[..20], (byte)(record[20] ^ 1), .. record[21..]], record[1..], [.. record, 0]])
        {
            await ComeBackAsync(site.Link, id);
            await site.Link.TellAsync(id, Done with { Record = bad });
            // An older Link brings nothing: it may forget its outcome, as ever.
            await ExpectAckAsync(site.Link, id);
            Assert.False(await IsThereAsync(id));
        }
        // Another Link, and another run of the right one.
        await other.Link.TellAsync(id, Done with { Record = record });
        await ExpectAckAsync(other.Link, id);
        site.Link.RunId = Guid.NewGuid();
        await ComeBackAsync(site.Link, id);
        await site.Link.TellAsync(id, Done with { Record = record });
        await ExpectAckAsync(site.Link, id);
        Assert.False(await IsThereAsync(id));
        Assert.False(await IsThereAsync(otherId));
    }

    [Fact]
    public async Task A_final_row_stays_as_it_is_whatever_is_told_again()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        var (id, record) = await LostAsync(site);
        await ComeBackAsync(site.Link, id);
        await site.Link.TellAsync(id, new Outcome(Ending.Failed, Executed.No) { Record = record, Error = new(ErrorTypes.Sqlite, 1, "no such table") });
        await ExpectAckAsync(site.Link, id);
        var row = await RowAsync(id);
        await site.Link.TellAsync(id, Done with { Record = record });
        await ExpectAckAsync(site.Link, id);
        Assert.Equal(row, await RowAsync(id));
        Assert.Equal((QueryStatus.ExecutionFailed, "no such table"), await site.GetAsync(id) is var q ? (q.Status, q.ErrorMessage) : default);
    }

    [Fact]
    public async Task What_is_durable_before_it_leaves_needs_no_record()
    {
        await using var site = await PairedSite.CreateAsync(_host);
        foreach (var (body, key) in new[] { ("""{ "command": { "text": "UPDATE notes SET note = 1", "executionMode": "nonQuery" } }""", null), (PairedSite.SelectOne, "a key") })
        {
            var asked = site.AskAsync(body, key);
            var (id, execute) = await site.Link.ExpectExecuteAsync();
            Assert.Null(execute.Record);
            await site.Link.TellAsync(id, new Outcome(Ending.Successful, Executed.Yes) { RowsAffected = 1 });
            (await asked).Dispose();
        }
    }

    async Task<(Guid Id, byte[] Record)> LostAsync(PairedSite site)
    {
        var asked = site.AskAsync();
        var (id, execute) = await site.Link.ExpectExecuteAsync();
        await site.Link.AnswerAsync(id, """[{"n":1}]""", 1);
        (await asked).Dispose();
        await ExpectAckAsync(site.Link, id);
        await LoseAsync(id);
        return (id, execute.Record!);
    }

    static async Task ComeBackAsync(SimulatedLink link, Guid id)
    {
        await link.BreakAsync();
        await link.ConnectAsync(link.Hello() with { Immediates = [id] });
    }

    static async Task ExpectAckAsync(SimulatedLink link, Guid id) => Assert.Equal(id, (await link.ExpectAsync(FrameKind.OutcomeAck)).QueryId);

    Task<int> LoseAsync(Guid id) => Database.WriteAsync(t => t.RunAsync("DELETE FROM queries WHERE id = @id", ("id", id)));

    async Task<bool> IsThereAsync(Guid id) => (await Database.ReadAsync(r => r.GetInt64(0), "SELECT COUNT(*) FROM queries WHERE id = @id", ("id", id)))[0] > 0;

    async Task<Dictionary<string, object?>> RowAsync(Guid id) => (await Database.ReadAsync(
        r => Enumerable.Range(0, r.FieldCount).ToDictionary(r.GetName, i => r.IsDBNull(i) ? null : r.GetValue(i)), "SELECT * FROM queries WHERE id = @id", ("id", id))).Single();

    Database Database => _host.Services.GetRequiredService<Database>();
}

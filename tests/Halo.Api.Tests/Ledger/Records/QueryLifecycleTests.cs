using FsCheck;
using FsCheck.Fluent;
using Halo.Api.Ledger.Records;
using Halo.Api.Results.Formats;
using Halo.Contracts.Queries;

namespace Halo.Api.Tests.Ledger.Records;

public class QueryLifecycleTests
{
    static readonly QueryStatus[] All = Enum.GetValues<QueryStatus>();

    [Fact]
    public void No_move_leaves_a_final_state() =>
        Assert.DoesNotContain(QueryLifecycle.Moves, m => QueryLifecycle.IsFinal(m.From));

    [Fact]
    public void Nothing_becomes_initialising_again() =>
        Assert.DoesNotContain(QueryLifecycle.Moves, m => m.To == QueryStatus.Initialising);

    [Fact]
    public void Only_a_hand_back_of_the_Link_and_a_claim_that_it_never_had_bring_a_query_back_to_the_queue() =>
        Assert.Equal([Mover.Link, Mover.Api], QueryLifecycle.Moves.Where(m => m.To == QueryStatus.Queued && m.From != QueryStatus.Initialising).SelectMany(m => m.By));

    [Fact]
    public void Every_state_that_is_not_final_has_a_way_out_that_the_API_can_take_by_itself() =>
        Assert.All(All.Where(s => !QueryLifecycle.IsFinal(s)), s => Assert.Contains(QueryLifecycle.Moves, m => m.From == s && m.By.Contains(Mover.Api)));

    [Fact]
    public void Every_final_state_is_reached() =>
        Assert.All(All.Where(QueryLifecycle.IsFinal), s => Assert.Contains(QueryLifecycle.Moves, m => m.To == s));

    [Fact]
    public void The_words_are_those_of_the_contract() =>
        Assert.All(All, s =>
        {
            Assert.Equal($"\"{QueryLifecycle.Word(s)}\"", System.Text.Json.JsonSerializer.Serialize(s));
            Assert.Equal(s, QueryLifecycle.Parse(QueryLifecycle.Word(s)));
        });

    [Fact]
    public void The_condition_of_an_update_names_exactly_the_states_that_the_table_allows() =>
        Prop.ForAll(Gen.Elements(All).ToArbitrary(), Gen.Elements(Enum.GetValues<Mover>()).ToArbitrary(), Gen.Elements(Enum.GetValues<QueryMode>()).ToArbitrary(),
            (to, by, mode) =>
            {
                var allowed = All.Where(from => QueryLifecycle.Allows(from, to, by, mode)).Select(QueryLifecycle.Word).ToHashSet();
                if (allowed.Count == 0)
                    return Record.Exception(() => QueryLifecycle.MayBecome(to, by, mode)) is InvalidOperationException;
                var condition = QueryLifecycle.MayBecome(to, by, mode);
                return All.All(s => condition.Contains($"'{QueryLifecycle.Word(s)}'", StringComparison.Ordinal) == allowed.Contains(QueryLifecycle.Word(s)));
            }).QuickCheckThrowOnFailure();
}

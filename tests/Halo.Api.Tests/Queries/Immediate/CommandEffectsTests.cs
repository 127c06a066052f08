using Halo.Api.Queries.Immediate;
using Halo.Contracts.Queries;

namespace Halo.Api.Tests.Queries.Immediate;

public class CommandEffectsTests
{
    [Theory]
    [InlineData("SELECT 1")]
    [InlineData("  \r\n\tselect updated_at, deleted, LastInsert, callback FROM appointments -- created_by")]
    [InlineData("(SELECT 1) UNION (SELECT 2)")]
    [InlineData("WITH a AS (SELECT 1) SELECT * FROM a;")]
    [InlineData("select;  \n")]
    [InlineData("VALUES (1), (2)")]
    [InlineData("TABLE patients")]
    [InlineData("SELECT replace(name, 'a', 'b') FROM patients")]
    [InlineData("SELECT @update, #delete.x, insert_ FROM #delete")]
    public void A_query_by_its_own_words_reads(string text)
    {
        Assert.False(CommandEffects.MayWrite(new(text)));
        Assert.False(CommandEffects.MayWrite(new(text) { ExecutionMode = ExecutionMode.Scalar }));
        Assert.True(CommandEffects.MayWrite(new(text) { ExecutionMode = ExecutionMode.NonQuery }));
        Assert.True(CommandEffects.MayWrite(new(text) { Type = CommandType.StoredProcedure }));
    }

    [Theory]
    [InlineData("INSERT INTO notes VALUES (1) RETURNING id")]
    [InlineData("with gone as (delete from notes returning id) select * from gone")]
    [InlineData("SELECT * INTO copies FROM notes")]
    [InlineData("SELECT 1; DROP TABLE notes")]
    [InlineData("SELECT 1; SELECT 2")]
    [InlineData("SELECT 1 EXEC BP_Save")]
    [InlineData("SELECT nextval('ids')")]
    [InlineData("SELECT 1 FROM t FOR UPDATE")]
    [InlineData("SELECT*FROM/**/x/**/UPDATE/**/y")]
    [InlineData("-- a comment first\nSELECT 1")]
    [InlineData("EXECUTE plan")]
    [InlineData("DO $$ BEGIN END $$")]
    [InlineData("selection")]
    [InlineData("")]
    public void What_is_not_plainly_a_query_may_write(string text) => Assert.True(CommandEffects.MayWrite(new(text)));

    [Fact]
    public void The_longest_text_is_looked_through_once()
    {
        var text = "SELECT " + string.Concat(Enumerable.Repeat("updates ", 130_000));
        Assert.False(CommandEffects.MayWrite(new(text)));
        Assert.True(CommandEffects.MayWrite(new(text + "update x")));
        Assert.False(CommandEffects.MayWrite(new("SELECT " + new string('u', 1_000_000))));
    }
}

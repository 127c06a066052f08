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
    [InlineData("SELECT COUNT(*), Max (id), CAST(note AS varchar(10)) FROM notes WHERE id IN (1, 2) AND EXISTS(SELECT 1) AND (id > (3))")]
    [InlineData("SELECT note FROM (SELECT note FROM notes) AS n ORDER BY ROW_NUMBER() OVER (ORDER BY note)")]
    public void A_query_that_calls_nothing_of_the_practices_own_reads(string text)
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
    [InlineData("SELECT book_appointment(1, 2)")]
    [InlineData("SELECT * FROM book_appointment\n (1, 2)")]
    [InlineData("SELECT id FROM notes WHERE touched(id)")]
    [InlineData("SELECT clinic.lower('a')")]
    [InlineData("SELECT clinic . lower ('a')")]
    [InlineData("SELECT \"Book\"(1)")]
    [InlineData("SELECT [dbo].[Book](1)")]
    [InlineData("SELECT book/* the name */(1)")]
    [InlineData("SELECT book --\n(1)")]
    [InlineData("SELECT 1 RECEIVE TOP(1) * FROM inbox")]
    [InlineData("SELECT 1 UPDATETEXT notes.note @p 0 1 'x'")]
    [InlineData("SELECT 1 BACKUP DATABASE practice TO DISK = 'x'")]
    [InlineData("")]
    public void What_is_not_plainly_a_query_may_write(string text) => Assert.True(CommandEffects.MayWrite(new(text)));

    [Fact]
    public void The_longest_text_is_looked_through_once()
    {
        var text = "SELECT " + string.Concat(Enumerable.Repeat("updates ", 130_000));
        Assert.False(CommandEffects.MayWrite(new(text)));
        Assert.True(CommandEffects.MayWrite(new(text + "update x")));
        Assert.False(CommandEffects.MayWrite(new("SELECT " + new string('u', 1_000_000))));
        Assert.False(CommandEffects.MayWrite(new("SELECT " + string.Concat(Enumerable.Repeat("max   (", 150_000)))));
        Assert.True(CommandEffects.MayWrite(new("SELECT " + new string('(', 500_000) + "book" + new string(' ', 500_000) + "(")));
    }
}

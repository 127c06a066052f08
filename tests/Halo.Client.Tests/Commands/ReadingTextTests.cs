using Halo.Client.Commands;
using Halo.Contracts.Queries;

namespace Halo.Client.Tests.Commands;

/// <summary>What may write has a key.</summary>
public sealed class ReadingTextTests
{
    [Theory]
    [InlineData("SELECT updated_at, created FROM t", true)]
    [InlineData(" \n(select 1);", true)]
    [InlineData("WITH a AS (SELECT 1) SELECT * FROM a", true)]
    [InlineData("VALUES (1)", true)]
    [InlineData("WITH a AS (INSERT INTO t VALUES (1) RETURNING id) SELECT * FROM a", false)]
    [InlineData("INSERT INTO t VALUES (1) RETURNING id", false)]
    [InlineData("SELECT * INTO t FROM u", false)]
    [InlineData("SELECT * FROM t FOR UPDATE", false)]
    [InlineData("SELECT 1; DELETE FROM t", false)]
    [InlineData("SELECT nextval('s')", false)]
    [InlineData("-- SELECT\nDELETE FROM t", false)]
    [InlineData("selection", false)]
    [InlineData("", false)]
    public void A_text_reads_where_none_of_its_words_writes(string sql, bool reads) =>
        Assert.Equal(reads, ReadingText.Reads(new QueryCommand(sql)));

    [Fact]
    public void A_nonQuery_and_a_procedure_may_write()
    {
        Assert.False(ReadingText.Reads(new QueryCommand("SELECT 1") { ExecutionMode = ExecutionMode.NonQuery }));
        Assert.False(ReadingText.Reads(new QueryCommand("select") { Type = CommandType.StoredProcedure }));
    }
}

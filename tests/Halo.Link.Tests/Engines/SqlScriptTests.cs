using Halo.Link.Engines;

namespace Halo.Link.Tests.Engines;

public sealed class SqlScriptTests
{
    [Theory]
    [InlineData("select 1; Insert into t values (';commit'); commit", "SELECT INSERT COMMIT")]
    [InlineData("-- commit;\n/* a /* commit */ ; */ (select 1)", "SELECT")]
    [InlineData("SELECT $$;COMMIT$$, $a$ ; COMMIT $$ $a$; CALL p()", "SELECT CALL")]
    [InlineData("SELECT E'it\\';COMMIT'; DO $1", "SELECT DO")]
    [InlineData("SELECT \";COMMIT\", 'it''s;COMMIT'", "SELECT")]
    [InlineData("  ;; ", "")]
    [InlineData("SELECT 'never closed ; COMMIT", "SELECT")]
    public void The_first_word_of_each_statement_is_found(string text, string expected) =>
        Assert.Equal(expected, string.Join(' ', SqlScript.FirstWords(text)));
}

using Halo.Cli.Shell;
using Halo.Cli.Shell.Editing;
using Halo.Contracts.Sites;

namespace Halo.Cli.Tests.Shell;

/// <summary>What Tab gives, and how the cursor goes.</summary>
public sealed class CompletionTests
{
    static readonly DatabaseSchema Schema = new("main", DateTimeOffset.UnixEpoch, "", [Table("public", "patients", "id", "last_name", "born"), Table("public", "invoices", "id", "total"), Table("old", "Every Type", "Odd Name"), Table("public", "order", "id")], []);

    [Theory]
    [InlineData("SELECT * FROM pat", "", 14, "patients")]
    [InlineData("select * from inv", "", 14, "invoices")]
    [InlineData("SELECT la", " FROM patients", 7, "last_name")]
    // Of the tables that are named, and no others.
    [InlineData("SELECT t", " FROM patients", 7, "THEN")]
    [InlineData("SELECT tota", " FROM invoices", 7, "total")]
    [InlineData("SELECT p.b", " FROM public.patients AS p WHERE 1 = 1", 7, "p.born")]
    [InlineData("SELECT patients.la", " FROM patients", 7, "patients.last_name")]
    [InlineData("SELECT * FROM old.", "", 14, "old.\"Every Type\"")]
    [InlineData("SELECT * FROM Every", "", 14, "\"Every Type\"")]
    // A word of SQL is no name without quotes.
    [InlineData("SELECT * FROM ord", "", 14, "\"order\"")]
    [InlineData("SELECT Odd", " FROM \"Every Type\"", 7, null)]
    [InlineData("\\d inv", "", 3, "invoices")]
    [InlineData("\\ti", "", 0, "\\timing")]
    public void A_word_becomes_what_it_can_be(string before, string after, int start, string? only)
    {
        var (from, candidates) = Completion.Find(before, after, Schema);
        Assert.Equal(start, from);
        if (only is not null)
            Assert.Equal(only, Assert.Single(candidates), ignoreCase: true);
    }

    [Fact]
    public void Before_the_schema_is_there_words_of_SQL_are_completed_in_the_case_that_is_typed()
    {
        Assert.Equal(["where"], Completion.Find("select 1 whe", "", null).Candidates.Where(c => c.StartsWith("whe", StringComparison.Ordinal) && c.Length == 5));
        Assert.Contains("SELECT", Completion.Find("SEL", "", null).Candidates);
        Assert.Empty(Completion.Find("\\d pat", "", null).Candidates);
        Assert.Equal("patient", Completion.CommonPrefix(["patient_id", "Patients"]));
    }

    [Fact]
    public void The_cursor_goes_by_whole_letters_and_keys_remove_what_they_say()
    {
        var line = new EditedText();
        line.Insert("a\u0301\U0001F600 two");
        line.WordLeft();
        line.Left();
        line.Backspace();
        Assert.Equal(("a\u0301 two", 2), (line.Text, line.Cursor));
        line.Backspace();
        Assert.Equal((" two", 0), (line.Text, line.Cursor));
        line.Set("one\ntwo three");
        line.RemoveWord();
        Assert.Equal("one\ntwo ", line.Text);
        line.Home();
        Assert.Equal(4, line.Cursor);
        line.RemoveToEnd();
        Assert.Equal("one\n", line.Text);
        line.Backspace();
        line.RemoveToStart();
        Assert.Equal("", line.Text);
        line.Left();
        line.Backspace();
        line.Delete();
        line.Right();
        Assert.Equal(("", 0), (line.Text, line.Cursor));
    }

    static SchemaTable Table(string schema, string name, params string[] columns) => new(schema, name, SchemaTableKind.Table, [.. columns.Select(c => new SchemaColumn(c, "text", true))]);
}

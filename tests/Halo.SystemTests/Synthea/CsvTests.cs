namespace Halo.SystemTests.Synthea;

public sealed class CsvTests
{
    [Fact]
    public void Quoted_commas_quotes_and_line_breaks_belong_to_the_cell()
    {
        Assert.Equal([["a,b", "say \"hi\"", "two\r\nlines"], ["1", "2", "3"]], Read("\"a,b\",\"say \"\"hi\"\"\",\"two\r\nlines\"\r\n1,2,3"));
    }

    [Fact]
    public void Empty_and_missing_are_two_things()
    {
        Assert.Equal([["x", null, "", null]], Read("x,,\"\",\n"));
    }

    static string?[][] Read(string text) => [.. Csv.Read(new StringReader(text))];
}

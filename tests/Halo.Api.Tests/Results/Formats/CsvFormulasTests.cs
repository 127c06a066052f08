using System.Text;
using System.Text.Json;
using Halo.Api.Results.Formats;
using Halo.Api.Results.Negotiation;
using Halo.Contracts.Queries;
using Microsoft.AspNetCore.Http;

namespace Halo.Api.Tests.Results.Formats;

public class CsvFormulasTests
{
    [Theory]
    [InlineData("=1+1", "\"'=1+1\"")]
    [InlineData("=HYPERLINK(\"http://x\")", "\"'=HYPERLINK(\"\"http://x\"\")\"")]
    [InlineData("+61 412 345 678", "\"'+61 412 345 678\"")]
    [InlineData("-1+cmd|' /C calc'!A0", "\"'-1+cmd|' /C calc'!A0\"")]
    [InlineData("-", "\"'-\"")]
    [InlineData("@SUM(A1)", "\"'@SUM(A1)\"")]
    [InlineData("\t=1", "\"'\t=1\"")]
    [InlineData("\r=1", "\"'\r=1\"")]
    [InlineData("\uFF1D1+1", "\"'\uFF1D1+1\"")]
    [InlineData("-12.50", "-12.50")]
    [InlineData("-1e5", "-1e5")]
    [InlineData("Smith", "Smith")]
    [InlineData("a=b", "a=b")]
    [InlineData("", "\"\"")]
    public void A_text_that_a_spreadsheet_would_run_gets_an_apostrophe(string text, string field)
    {
        foreach (var longText in new[] { 64 * 1024, 1 })
        {
            // In pieces every text stands in quotes, and a number is told from a formula by all of it alone.
            if (longText == 1 && (!field.StartsWith('"') || text.Length > 0 && text[0] == '-'))
                continue;
            Assert.Equal($"\"'=name\"\r\n{field}\r\n", Write(RowForm.CsvWithoutFormulas, text, longText));
        }
    }

    [Theory]
    [InlineData("=1+1")]
    [InlineData("@x")]
    public void By_default_values_are_as_the_database_has_them(string text) => Assert.Equal($"=name\r\n{text}\r\n", Write(RowForm.Csv, text, 64 * 1024));

    [Theory]
    [InlineData("", RowForm.Csv)]
    [InlineData("?csvFormulas=keep", RowForm.Csv)]
    [InlineData("?csvFormulas=escape", RowForm.CsvWithoutFormulas)]
    [InlineData("?csvFormulas=yes", null)]
    [InlineData("?csvFormulas=escape&csvFormulas=keep", null)]
    public void It_is_asked_for_by_a_parameter(string query, object? form)
    {
        var http = new DefaultHttpContext();
        http.Request.Headers.Accept = "text/csv";
        http.Request.QueryString = new(query);
        var (wanted, refusal) = ResponseFormat.Read(http.Request);
        Assert.Equal((RowForm?)form, wanted?.Form);
        Assert.Equal(form is null, refusal is not null);
    }

    static string Write(RowForm form, string text, int longText)
    {
        using var transcoder = longText == 1
            ? new RowTranscoder(new CsvRows(["=name"], escapeFormulas: form == RowForm.CsvWithoutFormulas), longText)
            : form.To([new ResultColumn("=name", SqlType.NVarChar, "text")], integersAsText: false);
        foreach (var piece in JsonSerializer.SerializeToUtf8Bytes(new[] { new Dictionary<string, string> { ["=name"] = text } }).Chunk(longText == 1 ? 7 : 64))
            transcoder.Add(piece);
        transcoder.EndArray();
        transcoder.EndDocument();
        return Encoding.UTF8.GetString(transcoder.Output.Written.Span);
    }
}

using Halo.Api.Results.Formats;
using Halo.Api.Results.Negotiation;

namespace Halo.Api.Tests.Results.Negotiation;

public class ResponseFormatTests
{
    [Theory]
    [InlineData("", null)]
    [InlineData("*/*", null)]
    [InlineData("application/json", null)]
    [InlineData("application/json, text/plain, */*", null)]
    [InlineData("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", null)]
    [InlineData("application/xml", null)]
    [InlineData("nonsense", null)]
    [InlineData("application/*", null)]
    [InlineData("text/csv", RowForm.Csv)]
    [InlineData("text/*", RowForm.Csv)]
    [InlineData("TEXT/CSV; charset=utf-8", RowForm.Csv)]
    [InlineData("application/x-ndjson", RowForm.Lines)]
    [InlineData("application/x-ndjson, */*", RowForm.Lines)]
    [InlineData("application/vnd.halo.rows+json", RowForm.Array)]
    [InlineData("application/vnd.halo.table+json", RowForm.Table)]
    [InlineData("text/csv;q=0.5, application/x-ndjson;q=0.9", RowForm.Lines)]
    [InlineData("text/csv;q=0.5, application/json;q=0.9", null)]
    [InlineData("application/json;q=0, text/csv;q=0.1", RowForm.Csv)]
    [InlineData("application/json;q=0, */*", RowForm.Array)]
    public void The_best_of_what_is_accepted_is_chosen(string accept, object? expected)
    {
        Assert.True(ResponseFormat.TryChoose(accept, out var form));
        Assert.Equal((RowForm?)expected, form);
    }

    [Theory]
    [InlineData("application/json;q=0")]
    [InlineData("*/*;q=0")]
    [InlineData("application/xml, application/*;q=0, text/*;q=0")]
    public void Nothing_is_chosen_where_everything_is_refused(string accept) => Assert.False(ResponseFormat.TryChoose(accept, out _));
}

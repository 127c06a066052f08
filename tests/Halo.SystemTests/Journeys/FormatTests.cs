using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Journeys;

public sealed class FormatsOnSqlite(SqliteHouse house) : FormatTests(house), IClassFixture<SqliteHouse>;

public sealed class FormatsOnPostgres(PostgresHouse house) : FormatTests(house), IClassFixture<PostgresHouse>;

/// <summary>Rows by themselves, from the database to the caller and out of storage.</summary>
public abstract class FormatTests(House house)
{
    const int Rows = 150_000;

    [Theory]
    [InlineData("text/csv")]
    [InlineData("application/x-ndjson")]
    [InlineData("application/vnd.halo.rows+json")]
    public async Task A_result_over_the_immediate_limit_streams_whole(string accept)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"integrator/sites/{house.Site.Id}/queries/immediate")
        {
            Content = new StringContent(IntegratorClient.Body(Sql.Generated(house.Engine, Rows)), Encoding.UTF8, "application/json"),
        };
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(accept));
        using var response = await house.Integrator.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal((HttpStatusCode.OK, accept), (response.StatusCode, response.Content.Headers.ContentType!.MediaType));
        var text = await response.Content.ReadAsStringAsync();
        Assert.True(text.Length > 1_000_000);
        Check(accept, text);
        var query = await house.Integrator.FindAsync(house.Site.Id, Guid.Parse(Assert.Single(response.Headers.GetValues("Halo-Query-Id"))));
        Assert.Equal(Rows, query.Result!.Rows);
    }

    [Fact]
    public async Task All_pages_are_one_document_in_every_form()
    {
        var query = await house.ExportAsync(Sql.Generated(house.Engine, Rows));
        Assert.True(query.Result!.Pages!.Count > 1);
        foreach (var accept in new[] { "text/csv", "application/x-ndjson", "application/json" })
        {
            var whole = await house.Integrator.SendAsync(
                HttpMethod.Get, $"integrator/sites/{house.Site.Id}/queries/{query.Id}/results", null, ("Accept", accept));
            Assert.Equal(HttpStatusCode.OK, whole.Status);
            Check(accept, whole.Body);
        }
    }

    static void Check(string accept, string text)
    {
        var expected = 0L;
        switch (accept)
        {
            case "text/csv":
                var lines = text.Split("\r\n");
                Assert.Equal(Rows + 2, lines.Length);
                Assert.StartsWith("id,", lines[0], StringComparison.Ordinal);
                foreach (var line in lines[1..^1])
                    Assert.Equal(++expected, long.Parse(line[..line.IndexOf(',', StringComparison.Ordinal)], CultureInfo.InvariantCulture));
                break;
            case "application/x-ndjson":
                foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
                    Assert.Equal(++expected, JsonDocument.Parse(line).RootElement.GetProperty("id").GetInt64());
                break;
            default:
                using (var array = JsonDocument.Parse(text))
                {
                    foreach (var row in array.RootElement.EnumerateArray())
                        Assert.Equal(++expected, row.GetProperty("id").GetInt64());
                }
                break;
        }
        Assert.Equal(Rows, expected);
    }
}

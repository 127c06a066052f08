using System.Net;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Journeys;

public sealed class ResultSetsOfSqlite(SqliteHouse house) : ResultSetTests(house), IClassFixture<SqliteHouse>;

public sealed class ResultSetsOfPostgres(PostgresHouse house) : ResultSetTests(house), IClassFixture<PostgresHouse>;

/// <summary>A result set that the command did not give is no empty result.</summary>
public abstract class ResultSetTests(House house)
{
    const string Two = "SELECT 1 AS a; SELECT 2 AS b";

    [Theory]
    [InlineData("application/json")]
    [InlineData("text/csv")]
    [InlineData("application/x-ndjson")]
    public async Task A_result_set_that_is_not_there_is_400_and_says_how_many_there_were(string accept)
    {
        var answer = await AskAsync("immediate?resultSet=3", Two, accept);

        Assert.True(answer.Status == HttpStatusCode.BadRequest, answer.ToString());
        Assert.Equal(FailureCodes.NoSuchResultSet, answer.Query.ErrorDetails!.Code);
        Assert.Contains("no result set 3: the command gave 2", answer.Query.ErrorDetails.ErrorMessage, StringComparison.Ordinal);
        Assert.Equal((QueryStatus.ExecutionFailed, Executed.Yes), (answer.Query.Status, answer.Query.Executed!.Value));
        Assert.Equal(QueryStatus.ExecutionFailed, (await house.Integrator.FindAsync(house.Site.Id, answer.Query.Id)).Status);
    }

    [Fact]
    public async Task So_it_is_with_an_async_query()
    {
        var queued = await AskAsync("async?resultSet=3", Two);
        var query = await house.Integrator.WhenFinalAsync(house.Site.Id, queued.Query.Id);

        Assert.Equal((QueryStatus.ExecutionFailed, Executed.Yes), (query.Status, query.Executed!.Value));
        Assert.Equal(FailureCodes.NoSuchResultSet, query.ErrorDetails!.Code);
        Assert.Contains("gave 2", query.ErrorDetails.ErrorMessage, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("immediate?resultSet=2", Two, 1)]
    [InlineData("immediate?resultSet=1", "CREATE TEMP TABLE t (id int)", 0)]
    [InlineData("immediate?resultSet=2", "SELECT 1 AS a; SELECT 2 AS b WHERE 1 = 0", 0)]
    public async Task What_is_there_is_given_and_the_first_may_be_none(string path, string sql, int rows)
    {
        var answer = await AskAsync(path, sql);

        Assert.True(answer.Status == HttpStatusCode.OK, answer.ToString());
        Assert.Equal(rows, answer.Query.Result!.Rows);
    }

    Task<Answer> AskAsync(string path, string sql, string accept = "application/json") => house.Integrator.SendAsync(
        HttpMethod.Post, $"integrator/sites/{house.Site.Id}/queries/{path}", IntegratorClient.Body(sql), ("Accept", accept));
}

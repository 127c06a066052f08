using System.Net;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Testing;

namespace Halo.SystemTests.BadInput;

/// <summary>PostgreSQL takes 65,535 parameters, and so does the contract: one more is refused before a site is asked, and named.</summary>
public sealed class ParameterCountTests(PostgresHouse house) : IClassFixture<PostgresHouse>
{
    const int Most = 65_535;

    [Theory]
    [InlineData("immediate")]
    [InlineData("async")]
    public async Task As_many_parameters_as_PostgreSQL_takes_reach_it(string mode)
    {
        var answer = await SendAsync(mode, Most);
        if (mode == "immediate")
        {
            Assert.True(answer.Status == HttpStatusCode.OK, answer.ToString());
            Assert.Equal($$"""[{"n":{{Most}}}]""", System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(answer.Query.Result!.Data!)));
            return;
        }
        Assert.True(answer.Status == HttpStatusCode.Created, answer.ToString());
        Assert.Equal(QueryStatus.Successful, (await house.Integrator.WhenFinalAsync(house.Site.Id, answer.Query.Id)).Status);
        using var page = await house.Integrator.PageAsync(house.Site.Id, answer.Query.Id, 1);
        Assert.Equal(Most, page.RootElement[0].GetProperty("n").GetInt32());
    }

    [Theory]
    [InlineData("immediate", Most + 1)]
    [InlineData("immediate", 66_000)]
    [InlineData("async", Most + 1)]
    [InlineData("async", 66_000)]
    public async Task More_are_refused_with_the_limit_and_nothing_runs(string mode, int count)
    {
        var answer = await SendAsync(mode, count);
        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.Equal(ErrorCodes.InvalidRequest, answer.Error.Code);
        var fault = Assert.Single(answer.Error.Errors!);
        Assert.Equal("command.parameters", fault.Field);
        Assert.Contains("65535", fault.Message, StringComparison.Ordinal);
    }

    Task<Halo.Testing.Processes.Answer> SendAsync(string mode, int count)
    {
        var names = Enumerable.Range(0, count).Select(i => $"p{i}").ToList();
        object[] parameters = [.. names.Select(n => new { name = n, type = "Int", value = "1" })];
        var sql = $"SELECT cardinality(ARRAY[{string.Join(", ", names.Select(n => "@" + n))}]) AS n";
        return mode == "immediate" ? house.Integrator.ImmediateAsync(house.Site.Id, sql, parameters: parameters) : house.Integrator.QueueAsync(house.Site.Id, sql, parameters: parameters);
    }
}

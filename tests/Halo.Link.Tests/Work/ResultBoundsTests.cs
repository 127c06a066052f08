using System.Text;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.Link.Settings;
using Halo.Link.Tests.Engines;
using Halo.Link.Work;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Bounds;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Tests.Work;

/// <summary>What a query brings beside its rows is bounded at the Link, by the line and by the practice.</summary>
public sealed class ResultBoundsTests(SharedPostgres postgres)
{
    static readonly ExecutionResult Done = new(Ending.Successful, Executed.Yes) { RowsAffected = 1 };

    [Fact]
    public async Task A_databases_error_that_quotes_millions_of_characters_is_cut_and_the_session_goes_on()
    {
        var database = await postgres.NewDatabaseAsync();
        await using var world = await World.StartAsync(s => s with
        {
            Sites = [s.Sites[0] with { Engine = EngineNames.Postgres, ConnectionString = database }],
        });
        await using (var bench = new EngineBench(DatabaseEngines.Create(EngineNames.Postgres, database, TimeProvider.System)))
        {
            await bench.DoAsync("CREATE TABLE letters (body text)");
            await bench.DoAsync("INSERT INTO letters VALUES (repeat('\"é', 4500000))");
        }
        var (_, _, outcome, _) = await world.AskAsync("SELECT body::int FROM letters");
        Assert.Equal((Ending.Failed, Executed.No, ErrorTypes.Postgres), (outcome.Ending, outcome.Executed, outcome.Error!.ErrorType));
        Assert.InRange(Encoding.UTF8.GetByteCount(outcome.Error.ErrorMessage), ProtocolLimits.MaxErrorBytes - 8, ProtocolLimits.MaxErrorBytes);
        Assert.EndsWith("\"é…", outcome.Error.ErrorMessage.Replace("é\"…", "\"é…", StringComparison.Ordinal), StringComparison.Ordinal);
        var (_, _, after, _) = await world.AskAsync("SELECT 1 AS n");
        Assert.Equal(Ending.Successful, after.Ending);
    }

    [Theory]
    [InlineData("SELECT json_extract('{}', '$' || hex(zeroblob(1000000)))")]
    [InlineData("SELECT * FROM patient WHERE name = \"{0}\"")]
    [InlineData("{0}")]
    public async Task SQLites_error_is_cut(string sql)
    {
        await using var world = await World.StartAsync();
        var (_, _, outcome, _) = await world.AskAsync(sql.Replace("{0}", new string('x', 900_000), StringComparison.Ordinal));
        Assert.Equal(Ending.Failed, outcome.Ending);
        Assert.InRange(Encoding.UTF8.GetByteCount(outcome.Error!.ErrorMessage), 1, ProtocolLimits.MaxErrorBytes);
    }

    [Theory]
    [InlineData(100, 100)]
    [InlineData(8192, 8192)]
    [InlineData(8193, 8192)]
    [InlineData(5_000_000, 8192)]
    public void An_error_is_cut_between_two_characters_and_marked(int length, int most)
    {
        foreach (var character in (string[])["x", "é", "語", "😀"])
        {
            var text = string.Concat(Enumerable.Repeat(character, length / Encoding.UTF8.GetByteCount(character)));
            var error = ResultBounds.Cut(new(ErrorTypes.Postgres, 0, text));
            var bytes = Encoding.UTF8.GetByteCount(error.ErrorMessage);
            Assert.InRange(bytes, Math.Min(length, most) - 8, most);
            Assert.Equal(length > most && text.Length > 0 && Encoding.UTF8.GetByteCount(text) > most, error.ErrorMessage.EndsWith(TextBound.Mark));
            Assert.DoesNotContain('�', Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(error.ErrorMessage)));
        }
    }

    [Fact]
    public void The_databases_words_count_towards_the_practices_maxBytes_and_ours_do_not()
    {
        var failed = new ExecutionResult(Ending.Failed, Executed.No) { Error = new(ErrorTypes.Postgres, 0, new string('p', 5000)) };
        Assert.Equal(98, ResultBounds.Apply(failed, new() { MaxBytes = 1000 }, 902, long.MaxValue).Error!.ErrorMessage.Length + 2); // … is three bytes
        var none = ResultBounds.Apply(failed, new() { MaxBytes = 1000 }, 1000, long.MaxValue);
        Assert.DoesNotContain('p', none.Error!.ErrorMessage.Replace("practice", "", StringComparison.Ordinal).Replace("maxBytes", "", StringComparison.Ordinal));
        Assert.Equal(Executed.No, none.Executed);
        var ours = failed with { Error = new(ErrorTypes.HaloLink, 400, new string('p', 5000)) };
        Assert.Equal(5000, ResultBounds.Apply(ours, new() { MaxBytes = 10 }, 0, long.MaxValue).Error!.ErrorMessage.Length);
    }

    [Theory]
    [InlineData(8 << 20, null, 0, Executed.Yes)]
    [InlineData((8 << 20) + 1, FailureCodes.ResultTooLarge, 0, Executed.Yes)]
    [InlineData((8 << 20) + 1, FailureCodes.ResultTooLarge, 0, Executed.Unknown)]
    [InlineData(1000, null, 500, Executed.Yes)]
    [InlineData(1001, FailureCodes.PolicyRefused, 500, Executed.Yes)]
    public void Output_parameters_count_and_over_the_limit_the_query_says_what_became_of_it(int bytes, string? code, int rows, Executed executed)
    {
        var result = Done with
        {
            Executed = executed,
            Parameters = [new("@a", ParameterDirection.Output, SqlType.NVarChar, new string('x', bytes - 6), null), new("@b", ParameterDirection.Output, null, "xx", null)],
        };
        var rules = new PolicyRules { MaxBytes = rows > 0 ? 1500 : null };
        var held = ResultBounds.Apply(result, rules, rows, long.MaxValue);
        Assert.Equal((code is null ? Ending.Successful : Ending.Failed, executed, code), (held.Ending, held.Executed, held.Error?.Code));
        Assert.Equal(code is null ? 2 : null, held.Parameters?.Count);
        Assert.Equal(FailureCodes.ResultTooLarge, ResultBounds.Apply(result, new(), rows, bytes + rows - 1).Error!.Code);
    }

    [Fact]
    public async Task Columns_with_endless_names_are_named_by_their_start_in_the_rows_too()
    {
        await using var world = await World.StartAsync();
        var text = new string('y', 200_000);
        var (head, rows, outcome, _) = await world.AskAsync($"SELECT '{text}' || 1, '{text}' || 2");
        Assert.Equal(Ending.Successful, outcome.Ending);
        var columns = (head?.Columns ?? outcome.Columns)!;
        Assert.All(columns, c => Assert.InRange(Encoding.UTF8.GetByteCount(c.Name), 1, ProtocolLimits.MaxNameBytes));
        Assert.Equal(2, columns.Select(c => c.Name).Distinct().Count());
        using var document = System.Text.Json.JsonDocument.Parse(rows);
        Assert.Equal(columns.Select(c => c.Name), document.RootElement[0].EnumerateObject().Select(p => p.Name));
    }

    [Fact]
    public async Task A_thousand_six_hundred_columns_with_long_names_come_whole()
    {
        await using var world = await World.StartAsync();
        var names = string.Join(", ", Enumerable.Range(0, 1600).Select(i => $"1 AS \"{new string('é', 120)}{i}\""));
        var (head, _, outcome, _) = await world.AskAsync($"SELECT {names}");
        Assert.Equal((Ending.Successful, 1600), (outcome.Ending, (head?.Columns ?? outcome.Columns)!.Count));
    }

    [Fact]
    public async Task Columns_that_cannot_be_told_are_refused_and_the_session_goes_on()
    {
        await using var world = await World.StartAsync();
        var names = string.Join(", ", Enumerable.Range(0, 900).Select(i => $"1 AS \"{new string('\u0001', 990)}{i}\""));
        var (_, _, outcome, _) = await world.AskAsync($"SELECT {names}");
        Assert.Equal((Ending.Failed, FailureCodes.ResultTooLarge), (outcome.Ending, outcome.Error!.Code));
        var (_, _, after, _) = await world.AskAsync("SELECT 1 AS n");
        Assert.Equal(Ending.Successful, after.Ending);
    }
}

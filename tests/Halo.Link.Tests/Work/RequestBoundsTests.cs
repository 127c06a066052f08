using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Tests.Work.Async;
using Halo.Link.Work.Async;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Tests.Work;

/// <summary>An API that asks for what makes no sense is refused; nothing runs, and the Link goes on.</summary>
public class RequestBoundsTests
{
    [Theory]
    [InlineData("timeout", -1, 1)]
    [InlineData("timeout", int.MaxValue, 1)]
    [InlineData("commands", 0, 0)]
    [InlineData("parameterSets", 0, 1)]
    [InlineData("parameterSets", 1001, 1)]
    public async Task A_batch_with_an_absurd_value_is_refused(string name, int value, int count)
    {
        await using var world = await World.StartAsync();
        var commands = Enumerable.Repeat(new QueryCommand("SELECT 1")
        {
            Timeout = name == "timeout" ? value : null,
            ParameterSets = name == "parameterSets" ? [.. Enumerable.Repeat<IReadOnlyList<CommandParameter>>([], value)] : null,
        }, count);
        var (_, _, refused, _) = await world.AskAsync("SELECT 1", asked => asked with { Command = null, Batch = new([.. commands]) });
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.LinkError), (refused.Ending, refused.Executed, refused.Error!.Code));
        Assert.Equal(Ending.Successful, (await world.AskAsync("SELECT 1")).Outcome.Ending);
    }

    [Theory]
    [InlineData("waitMs", -1)]
    [InlineData("waitMs", int.MaxValue)]
    [InlineData("limitMs", 0)]
    [InlineData("limitMs", -60_000)]
    [InlineData("limitMs", int.MaxValue)]
    [InlineData("maxResultBytes", 0)]
    [InlineData("maxResultBytes", -1)]
    [InlineData("resultSet", -1)]
    [InlineData("credit", -1)]
    [InlineData("credit", int.MaxValue)]
    public async Task An_immediate_query_with_an_absurd_value_is_refused_by_its_name(string name, int value)
    {
        await using var world = await World.StartAsync();
        var (_, _, refused, _) = await world.AskAsync("SELECT 1", asked => name switch
        {
            "waitMs" => asked with { WaitMs = value },
            "limitMs" => asked with { LimitMs = value },
            "maxResultBytes" => asked with { MaxResultBytes = value },
            "resultSet" => asked with { ResultSet = value },
            _ => asked with { Credit = value },
        });
        Assert.Equal((Ending.Failed, Executed.No, FailureCodes.LinkError), (refused.Ending, refused.Executed, refused.Error!.Code));
        Assert.Contains($"{name} {value}", refused.Error.ErrorMessage, StringComparison.Ordinal);
        Assert.Equal(Ending.Successful, (await world.AskAsync("SELECT 1")).Outcome.Ending);
    }
}

/// <inheritdoc cref="RequestBoundsTests"/>
public sealed class ClaimBoundsTests : AsyncTests
{
    [Theory]
    [InlineData("limitMs", 0)]
    [InlineData("limitMs", -1)]
    [InlineData("limitMs", int.MaxValue)]
    [InlineData("uploadLimitMs", -1)]
    [InlineData("uploadLimitMs", int.MaxValue)]
    [InlineData("pageBytes", 0)]
    [InlineData("pageBytes", -1)]
    [InlineData("pageBytes", int.MaxValue)]
    [InlineData("resultSet", -1)]
    public async Task A_claim_with_an_absurd_value_fails_by_its_name_and_the_others_run(string name, int value)
    {
        await ConnectAsync();
        await LinkUnderTest.Until(() => Api.Asked.Count == 1);
        var (plain, absurd) = (LinkUnderTest.NewClaim(2), LinkUnderTest.NewClaim(1));
        absurd = name switch
        {
            "limitMs" => absurd with { LimitMs = value },
            "uploadLimitMs" => absurd with { UploadLimitMs = value },
            "pageBytes" => absurd with { PageBytes = value },
            _ => absurd with { ResultSet = value },
        };
        Link.Queries.OnClaims([new ArrivedClaim(absurd, true), new ArrivedClaim(plain, true)]);
        var failed = await Api.NextAsync(ReportKind.Failed);
        Assert.Equal((absurd.ClaimId, Executed.No, FailureCodes.LinkError), (failed.ClaimId, failed.Executed, failed.Error!.Code));
        Assert.Contains($"{name} {value}", failed.Error.ErrorMessage, StringComparison.Ordinal);
        await Settled(absurd.QueryId);
        await Settled(plain.QueryId);
        Assert.Equal([plain.QueryId], Link.Given);
    }
}

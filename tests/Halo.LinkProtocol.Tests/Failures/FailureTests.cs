using System.Reflection;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Failures;

namespace Halo.LinkProtocol.Tests.Failures;

public class FailureTests
{
    public static TheoryData<string> Codes =>
        [.. typeof(FailureCodes).GetFields(BindingFlags.Public | BindingFlags.Static).Select(f => (string)f.GetRawConstantValue()!)];

    [Theory]
    [MemberData(nameof(Codes))]
    public void Every_code_has_words_a_kind_and_a_status_of_its_own(string code)
    {
        var failure = Failure.Of(code);
        Assert.Equal(code, failure.Code);
        Assert.True(code == FailureCodes.LinkError || failure.ErrorMessage != Failure.Of(FailureCodes.LinkError).ErrorMessage, "It has the words of a code that is not known.");
        Assert.Contains(failure.ErrorType, (string[])[ErrorTypes.HaloLink, ErrorTypes.Http]);
        Assert.InRange(failure.ErrorCode, 400, 599);
    }

    /// <summary>The contract's table of statuses: what may be sent again at once is 503, what may have taken effect and is not known is 504.</summary>
    [Theory]
    [InlineData(FailureCodes.NeverSent, 503)]
    [InlineData(FailureCodes.QueueTimeout, 503)]
    [InlineData(FailureCodes.SiteAway, 503)]
    [InlineData(FailureCodes.DatabaseUnavailable, 503)]
    [InlineData(FailureCodes.LinkLost, 504)]
    [InlineData(FailureCodes.NoAnswer, 504)]
    [InlineData(FailureCodes.ExecutionTimeout, 504)]
    [InlineData(FailureCodes.DatabaseConnectionLost, 504)]
    [InlineData(FailureCodes.PolicyRefused, 403)]
    [InlineData(FailureCodes.ResultTooLarge, 413)]
    [InlineData(FailureCodes.SpoolFull, 507)]
    [InlineData(FailureCodes.InvalidParameter, 400)]
    public void The_status_follows_from_the_code(string code, int status) => Assert.Equal(status, Failure.Of(code, "other words").ErrorCode);

    [Theory]
    [InlineData(Executed.Yes, "had already taken effect")]
    [InlineData(Executed.No, "was rolled back")]
    [InlineData(Executed.Unknown, "may have taken effect")]
    public void Words_say_what_is_known_of_the_effect(Executed executed, string words)
    {
        foreach (var failure in (ErrorDetails[])[Failure.TimedOut(executed), Failure.DatabaseConnectionLost(executed), Failure.LinkStopping(executed), Failure.BlockedPractice(executed)])
            Assert.Contains(words, failure.ErrorMessage, StringComparison.Ordinal);
    }

    /// <summary>These are told with any <c>executed</c>.</summary>
    [Fact]
    public void Words_that_go_with_every_effect_claim_none() => Assert.All(
        (ErrorDetails[])[Failure.PageLost, Failure.ResultUntold, Failure.Unreadable],
        f => Assert.EndsWith("See 'executed'.", f.ErrorMessage.Replace("see", "See", StringComparison.Ordinal), StringComparison.Ordinal));
}

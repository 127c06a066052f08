using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Settings;
using Halo.Link.Sites;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Tests.Sites;

public class PracticePolicyTests
{
    static readonly Guid Known = Guid.NewGuid();

    [Fact]
    public void Without_a_policy_everything_is_allowed()
    {
        var rules = new PracticePolicy(null).RulesFor(Known);
        Assert.Null(PracticePolicy.Refuse(rules, [new("x") { ExecutionMode = ExecutionMode.NonQuery, Type = CommandType.StoredProcedure }]));
        Assert.Equal(TimeSpan.FromHours(1), LimitOf(rules, TimeSpan.FromHours(1)));
    }

    [Fact]
    public void An_integrator_without_rules_of_its_own_has_the_default_ones()
    {
        var standard = new PolicyRules { MaxSeconds = 1 };
        var own = new PolicyRules { MaxSeconds = 9 };
        var policy = new PracticePolicy(new(standard, new Dictionary<Guid, PolicyRules> { [Known] = own }));
        Assert.Same(own, policy.RulesFor(Known));
        Assert.Same(standard, policy.RulesFor(Guid.NewGuid()));
    }

    [Theory]
    [InlineData("reader", ExecutionMode.Reader, CommandType.Text, true)]
    [InlineData("reader", ExecutionMode.Scalar, CommandType.Text, false)]
    [InlineData("reader", ExecutionMode.NonQuery, CommandType.Text, false)]
    [InlineData("reader", ExecutionMode.Reader, CommandType.StoredProcedure, false)]
    [InlineData("storedProcedure", ExecutionMode.Reader, CommandType.StoredProcedure, false)]
    [InlineData("reader,storedProcedure", ExecutionMode.Reader, CommandType.StoredProcedure, true)]
    [InlineData("nonQuery", ExecutionMode.NonQuery, CommandType.Text, true)]
    [InlineData("", ExecutionMode.Reader, CommandType.Text, false)]
    public void Only_the_modes_in_the_rule_are_allowed(string modes, ExecutionMode mode, CommandType type, bool allowed)
    {
        var rules = new PolicyRules { Modes = modes.Split(',').ToHashSet() };
        var refused = PracticePolicy.Refuse(rules, [new("x") { ExecutionMode = mode, Type = type }]);
        Assert.Equal(allowed, refused is null);
        if (refused is not null)
            Assert.Equal((Executed.No, FailureCodes.PolicyRefused, 403), (refused.Executed, refused.Error!.Code, refused.Error.ErrorCode));
    }

    [Fact]
    public void The_practices_limit_shortens_and_never_lengthens()
    {
        var rules = new PolicyRules { MaxSeconds = 10 };
        Assert.Equal(TimeSpan.FromSeconds(10), LimitOf(rules, TimeSpan.FromSeconds(60)));
        Assert.Equal(TimeSpan.FromSeconds(5), LimitOf(rules, TimeSpan.FromSeconds(5)));
    }

    static TimeSpan LimitOf(PolicyRules rules, TimeSpan asked) =>
        new SiteLimits().Of(new Execute(Guid.NewGuid(), Known, new("x"), 1, (int)asked.TotalMilliseconds, 1), rules);

    [Theory]
    [InlineData("", false, CommandAccess.Write)]
    [InlineData("reader,scalar", false, CommandAccess.Read)]
    [InlineData("scalar", false, CommandAccess.Read)]
    [InlineData("reader,nonQuery", false, CommandAccess.Write)]
    [InlineData("reader,storedProcedure", false, CommandAccess.Write)]
    [InlineData("reader,nonQuery", true, CommandAccess.ReadOnly)]
    [InlineData("", true, CommandAccess.ReadOnly)]
    public void Modes_that_only_read_keep_a_command_to_reading_and_readOnly_asks_for_a_login_too(string modes, bool readOnly, object expected)
    {
        var rules = new PolicyRules { Modes = modes.Length == 0 ? null : modes.Split(',').ToHashSet(), ReadOnly = readOnly };
        Assert.Equal((CommandAccess)expected, PracticePolicy.AccessOf(rules));
        Assert.Equal((CommandAccess)expected == CommandAccess.Read, PracticePolicy.ReliesOnModes(new(rules, new Dictionary<Guid, PolicyRules>())));
    }
}

using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Settings;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Sites;

/// <summary>What the practice allows an integrator on one site. It stands in the Link's own configuration: nothing from the cloud widens it.</summary>
sealed class PracticePolicy(PolicySettings? settings)
{
    static readonly PolicyRules Everything = new();

    /// <summary>The rules for one integrator.</summary>
    public PolicyRules RulesFor(Guid integratorId) =>
        settings is null ? Everything : settings.Integrators.GetValueOrDefault(integratorId, settings.Default);

    /// <summary>Refuses a command that the rules do not allow, before anything reaches the database; null: allowed.</summary>
    public static ExecutionResult? Refuse(PolicyRules rules, IEnumerable<QueryCommand> commands) =>
        rules.Modes is { } modes ? commands.Select(c => Refuse(modes, c)).FirstOrDefault(r => r is not null) : null;

    static ExecutionResult? Refuse(IReadOnlyCollection<string> modes, QueryCommand command)
    {
        var mode = command.ExecutionMode switch
        {
            ExecutionMode.Reader => PolicyModes.Reader,
            ExecutionMode.Scalar => PolicyModes.Scalar,
            _ => PolicyModes.NonQuery,
        };
        if (!modes.Contains(mode))
            return Refusal(mode);
        return command.Type == CommandType.StoredProcedure && !modes.Contains(PolicyModes.StoredProcedure)
            ? Refusal(PolicyModes.StoredProcedure)
            : null;
    }

    /// <summary>What the rules let a command do to the practice's data.</summary>
    public static CommandAccess AccessOf(PolicyRules rules) =>
        rules.ReadOnly ? CommandAccess.ReadOnly
        : rules.Modes is { } modes && !modes.Contains(PolicyModes.NonQuery) && !modes.Contains(PolicyModes.StoredProcedure) ? CommandAccess.Read
        : CommandAccess.Write;

    /// <summary>Whether readers are kept from writing by <c>modes</c> alone, for some integrator: their texts may write where the login may.</summary>
    public static bool ReliesOnModes(PolicySettings? settings) =>
        settings is not null && settings.Integrators.Values.Append(settings.Default).Any(r => AccessOf(r) == CommandAccess.Read);

    static ExecutionResult Refusal(string mode) => new(Ending.Failed, Executed.No)
    {
        Error = PracticeRefusal.Of(PracticeRefusal.Modes, $"does not allow this integrator {mode}. Nothing ran."),
    };
}

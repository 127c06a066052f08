using System.Globalization;
using Halo.Contracts.Errors;
using Halo.LinkProtocol.Failures;

namespace Halo.Link.Engines;

/// <summary>Refusals by a rule of the practice's own policy, in their words: each names the rule.</summary>
static class PracticeRefusal
{
    public const string ReadOnly = "readOnly";

    public const string Modes = "modes";

    /// <summary>The database refused a write.</summary>
    public const string ReadsOnly = "lets this integrator read only. Nothing was changed.";

    /// <summary>The database did not refuse it; its transaction was undone. What stands outside of transactions, as sequences do, may have changed.</summary>
    public const string Undone = "lets this integrator read only. The command's transaction was rolled back.";

    public static ErrorDetails Of(string rule, string words) => Failure.Of(FailureCodes.PolicyRefused, $"The practice's own policy refused it: its rule \"{rule}\" {words}");
}

/// <summary>The database cannot hold a connection to reading: nothing was sent.</summary>
sealed class ReadOnlyImpossibleException(string words) : Exception(words);

using System.Globalization;
using System.Text.Json;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.Link.Settings;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Bounds;
using Halo.LinkProtocol.Failures;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Work;

/// <summary>
/// Holds what a query brought beside its rows, output parameters and the database's error, to what the line and the practice allow.
/// Both are data of the practice like its rows: a database quotes whole values in its errors.
/// </summary>
static class ResultBounds
{
    const int MostFaults = 100;

    /// <summary>The result with its error cut and its outputs counted.</summary>
    /// <param name="rowBytes">Bytes of JSON that its rows had.</param>
    /// <param name="maxResultBytes">What rows and outputs may have together.</param>
    /// <param name="resultSet">Which of its result sets the caller wanted, from 1.</param>
    public static ExecutionResult Apply(ExecutionResult result, PolicyRules rules, long rowBytes, long maxResultBytes, int resultSet = 1)
    {
        if (result is { Ending: Ending.Successful, Rows: not null } && resultSet > 1 && resultSet > result.ResultSets)
            return Failed(result, NoSuchResultSet(result, resultSet));
        var outputs = ExecutionResult.BytesOf(result.Parameters) + (result.Results ?? []).Sum(r => ExecutionResult.BytesOf(r.Parameters));
        if (outputs > 0 && rowBytes + outputs > rules.MaxBytes)
            return Failed(result, PracticeRefusal.Of("maxBytes", $"allows this integrator {rules.MaxBytes} bytes of a result; with its output parameters it has more. {Fate(result)}"));
        if (outputs > 0 && (outputs > ProtocolLimits.MaxOutputBytes || rowBytes + outputs > maxResultBytes || !CanBeTold(result, outputs)))
            return TooLarge(result, Math.Min(maxResultBytes, ProtocolLimits.MaxOutputBytes));
        return result.Error is { } error ? result with { Error = Cut(error, rules.MaxBytes - rowBytes - outputs) } : result;
    }

    /// <summary>Measured only where escapes could make too much of it.</summary>
    static bool CanBeTold(ExecutionResult result, long outputs) => outputs * 6 < ProtocolLimits.MaxOutputJsonBytes
        || JsonSerializer.SerializeToUtf8Bytes(new Outcome(result.Ending, result.Executed) { Parameters = result.Parameters, Results = result.Results }, ProtocolJson.Default.Outcome).Length
            <= ProtocolLimits.MaxOutputJsonBytes;

    /// <summary>An error whose texts are cut.</summary>
    /// <param name="left">What the practice's rule leaves for the database's own words; null: nothing limits them but the line.</param>
    public static ErrorDetails Cut(ErrorDetails error, long? left = null)
    {
        var isTheDatabases = error.ErrorType is not (ErrorTypes.HaloLink or ErrorTypes.Http);
        var most = isTheDatabases && left < ProtocolLimits.MaxErrorBytes ? Math.Max(0, left.Value) : ProtocolLimits.MaxErrorBytes;
        return error with
        {
            ErrorMessage = TextBound.Cut(error.ErrorMessage, most) is { Length: > 0 } message
                ? message
                : "The database gave an error; the practice's rule \"maxBytes\" leaves no room for its words.",
            Errors = error.Errors is not { Count: > 0 } faults ? error.Errors
                : [.. faults.Take(MostFaults).Select(f => new FieldError(TextBound.Cut(f.Field, ProtocolLimits.MaxNameBytes), TextBound.Cut(f.Message, 2 * ProtocolLimits.MaxNameBytes)))],
        };
    }

    static ErrorDetails NoSuchResultSet(ExecutionResult result, int wanted) => Failure.Of(FailureCodes.NoSuchResultSet,
        (FormattableString)$"There is no result set {wanted}: the command gave {result.ResultSets}. {Fate(result)}");

    static ExecutionResult TooLarge(ExecutionResult result, long most) => Failed(result, Failure.Of(FailureCodes.ResultTooLarge,
        (FormattableString)$"Its output parameters bring the result over the limit of {most} bytes. {Fate(result)} Ask for less."));

    static ExecutionResult Failed(ExecutionResult result, ErrorDetails error) => result with { Ending = Ending.Failed, Parameters = null, Results = null, Error = error };

    static string Fate(ExecutionResult result) => result.Executed switch
    {
        Executed.Yes => "The command was executed.",
        Executed.No => "Nothing was changed.",
        _ => "The command may have taken effect.",
    };
}

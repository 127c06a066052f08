using Halo.Contracts.Admin;
using Halo.Contracts.Errors;

namespace Halo.Api.Operators;

/// <summary>Whether an operator can be made as it is asked for.</summary>
static class OperatorCheck
{
    public static List<FieldError> FaultsOf(string? name, OperatorRole? role, DateTimeOffset? expiresAt, TimeProvider time)
    {
        var faults = new List<FieldError>();
        if (!OperatorNames.IsName(name))
            faults.Add(new("name", $"is required, with 1 to {OperatorNames.Longest} characters, none of them invisible."));
        if (role is not { } known || !Enum.IsDefined(known))
            faults.Add(new("role", "is required: viewer, support, operator or owner."));
        if (IsPast(expiresAt, time))
            faults.Add(new("expiresAt", "must be later than now."));
        return faults;
    }

    /// <summary>To the millisecond, as it is kept.</summary>
    public static bool IsPast(DateTimeOffset? end, TimeProvider time) => end?.ToUnixTimeMilliseconds() <= time.GetUtcNow().ToUnixTimeMilliseconds();

    public static string TextOf(CreateOperatorFailure failure) => failure == CreateOperatorFailure.TooMany
        ? $"The limit of {OperatorRegistry.MaxOperators} operators is reached. Revoke one that nobody needs."
        : "This name, or one that looks like it, is another operator's, or was. Names are given once, so that the audit log stays clear: choose another.";
}

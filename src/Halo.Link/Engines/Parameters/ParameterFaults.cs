using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.Link.Engines.Parameters;

/// <summary>Faults of parameters, named as the contract does: <c>parameters.@name</c>. The values themselves are never told.</summary>
static class ParameterFaults
{
    public static void NotConvertible(this ICollection<FieldError> faults, CommandParameter parameter, string expected) =>
        faults.Add(parameter, parameter.Type is null
            ? $"the value must be {expected}."
            : $"the value does not fit type {parameter.Type}, which expects {expected}.");

    public static void NoSuchType(this ICollection<FieldError> faults, CommandParameter parameter, string engine) =>
        faults.Add(parameter, $"{engine} has no type {parameter.Type}.");

    public static void Add(this ICollection<FieldError> faults, CommandParameter parameter, string what)
    {
        var name = "@" + parameter.Name.TrimStart('@');
        faults.Add(new FieldError($"parameters.{name}", $"Parameter {name}: {what}"));
    }
}

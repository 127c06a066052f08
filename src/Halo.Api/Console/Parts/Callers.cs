using Halo.Api.Operators;

namespace Halo.Api.Console.Parts;

/// <summary>Who looks at a page.</summary>
static class Callers
{
    public static string NameOf(OperatorCaller caller) => caller.Id is null ? "Admin key" : caller.Current.Name;

    /// <summary>Whether acts that require a role are shown. They are enforced by the routes.</summary>
    public static bool May(this HttpContext http, Halo.Contracts.Admin.OperatorRole role) => http.Operator().Refuse(role) is null;
}

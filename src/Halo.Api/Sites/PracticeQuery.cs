using Halo.Api.Errors;
using Halo.Contracts.Errors;

namespace Halo.Api.Sites;

/// <summary>A practice as integrators name it in a query string.</summary>
/// <param name="Id">The PMS vendor's id of the practice.</param>
/// <param name="Name">The PMS's name.</param>
sealed record PracticeQuery(string Id, string Name)
{
    const string IdParameter = "practiceManagementSiteId", NameParameter = "practiceManagementName";

    /// <summary>Whether a request names one, or half of one.</summary>
    public static bool IsIn(HttpRequest request) => request.Query.ContainsKey(IdParameter) || request.Query.ContainsKey(NameParameter);

    /// <summary>Both parameters are required.</summary>
    /// <param name="excluded">Parameters that do not go with them.</param>
    public static (PracticeQuery? Practice, Refusal? Refusal) Read(HttpRequest request, params IReadOnlyList<string> excluded)
    {
        var id = request.Query[IdParameter].ToString();
        var name = request.Query[NameParameter].ToString();
        var faults = new List<FieldError>();
        if (id.Length == 0)
            faults.Add(new(IdParameter, "is required, as a query parameter: the PMS vendor's id of the practice."));
        if (name.Length == 0)
            faults.Add(new(NameParameter, "is required, as a query parameter: the PMS's name, as Best Practice, Zedmed or D4w."));
        faults.AddRange(excluded.Where(request.Query.ContainsKey)
            .Select(p => new FieldError(p, $"is of the list of your sites; leave it out, or leave out {IdParameter} and {NameParameter}.")));
        return faults.Count > 0 ? (null, Refusal.Invalid(faults)) : (new(id, name), null);
    }
}

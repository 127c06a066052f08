using Halo.Api.Errors;
using Halo.Contracts.Errors;

namespace Halo.Api.Sites;

/// <summary>A practice as integrators name it in a query string.</summary>
/// <param name="Id">The PMS vendor's id of the practice.</param>
/// <param name="Name">The PMS's name.</param>
sealed record PracticeQuery(string Id, string Name)
{
    /// <summary>Both parameters are required.</summary>
    public static (PracticeQuery? Practice, Refusal? Refusal) Read(HttpRequest request)
    {
        var id = request.Query["practiceManagementSiteId"].ToString();
        var name = request.Query["practiceManagementName"].ToString();
        var faults = new List<FieldError>();
        if (id.Length == 0)
            faults.Add(new("practiceManagementSiteId", "is required, as a query parameter: the PMS vendor's id of the practice."));
        if (name.Length == 0)
            faults.Add(new("practiceManagementName", "is required, as a query parameter: the PMS's name, as Best Practice, Zedmed or D4w."));
        return faults.Count > 0 ? (null, Refusal.Invalid(faults)) : (new(id, name), null);
    }
}

using Halo.Contracts.Errors;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Enrolment;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Links.Enrolling;

/// <summary>What an enrolment lacks: whoever calls has proven nothing yet, so nothing in it is taken for granted.</summary>
static class EnrolmentFaults
{
    const int LongestText = ProtocolLimits.MaxIdentityCharacters;

    /// <summary>Every fault at once.</summary>
    public static IReadOnlyList<FieldError> Of(EnrolRequest request)
    {
        var faults = new List<FieldError>();
        if (request.LinkId == Guid.Empty)
            faults.Add(new("linkId", "must be the Link's own UUID."));
        if (request.PublicKey is not { KeyType: "EC", Curve: "P-256", X: not null, Y: not null })
            faults.Add(new("publicKey", "must be a P-256 key as a JWK."));
        Text("linkVersion", request.LinkVersion);
        Text("machineId", request.MachineId, optional: true);
        Text("host.name", request.Host?.Name, optional: true);
        Text("host.operatingSystem", request.Host?.OperatingSystem, optional: true);
        if (request.Sites is null or [])
            faults.Add(new("sites", "must name at least one site."));
        foreach (var (index, site) in (request.Sites ?? []).Index())
            Site($"sites[{index}]", site);
        if (faults.Count == 0 && request.Sites!.GroupBy(s => s.Id).FirstOrDefault(g => g.Count() > 1) is { Key: var twice })
            faults.Add(new("sites", $"names {twice} more than once."));
        return faults;

        void Site(string path, SiteDescription? site)
        {
            if (site is null)
            {
                faults.Add(new(path, "must be an object."));
                return;
            }
            if (site.Id == Guid.Empty)
                faults.Add(new($"{path}.id", "must be the site's own UUID."));
            Text($"{path}.engine", site.Engine);
            Text($"{path}.practiceManagementName", site.PracticeManagementName);
            Text($"{path}.practiceManagementSiteId", site.PracticeManagementSiteId);
            Text($"{path}.practiceManagementVersion", site.PracticeManagementVersion, optional: true);
            Text($"{path}.practiceName", site.PracticeName, optional: true);
            Text($"{path}.databaseIdentity", site.DatabaseIdentity, optional: true);
            if (site.Catalogues is null)
                faults.Add(new($"{path}.catalogues", "must be a list."));
            foreach (var (index, catalogue) in (site.Catalogues ?? []).Index())
                Text($"{path}.catalogues[{index}].name", catalogue?.Name);
        }

        void Text(string path, string? text, bool optional = false)
        {
            if (string.IsNullOrWhiteSpace(text) && !(optional && text is null or ""))
                faults.Add(new(path, "is required and must not be blank."));
            else if (text is { Length: > LongestText })
                faults.Add(new(path, $"must have at most {LongestText} characters."));
            else if (text?.Contains('\0') == true)
                faults.Add(new(path, "must not hold the character U+0000."));
        }
    }
}

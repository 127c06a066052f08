using Halo.Contracts.Admin;
using Halo.Contracts.Errors;

namespace Halo.Api.Links.Enrolling;

/// <summary>Whether an enrolment token can be made as it is asked for.</summary>
static class EnrolmentTokenCheck
{
    /// <summary>Characters of a practice's name or id.</summary>
    const int LongestPractice = 200;

    public static List<FieldError> FaultsOf(CreateEnrolmentTokenRequest asked)
    {
        var faults = new List<FieldError>();
        if (asked.ExpiresInMinutes is < 1 or > 525_600)
            faults.Add(new("expiresInMinutes", "must be from 1 to 525600."));
        if (asked.Uses is < 1 or > 10_000)
            faults.Add(new("uses", "must be from 1 to 10000."));
        if (asked.PracticeManagementName is { Length: > LongestPractice })
            faults.Add(new("practiceManagementName", $"has at most {LongestPractice} characters."));
        if (asked.PracticeManagementSiteId is { Length: > LongestPractice })
            faults.Add(new("practiceManagementSiteId", $"has at most {LongestPractice} characters."));
        return faults;
    }
}

using System.Text.Json.Serialization;
using Halo.Contracts.Json;

namespace Halo.Contracts.Admin;

/// <summary>A new enrolment token: the only time it is shown.</summary>
/// <param name="Id">Names it in lists and in the audit log.</param>
/// <param name="Token">Goes into the Link's configuration.</param>
/// <param name="ExpiresAt">Until when it works.</param>
public sealed record NewEnrolmentToken(Guid Id, string Token, DateTimeOffset ExpiresAt);

/// <summary>Asks for an enrolment token.</summary>
/// <param name="ExpiresInMinutes">1 to 525600; default 60.</param>
/// <param name="Uses">How many Links may enrol with it, 1 to 10000; default 1.</param>
/// <param name="PracticeManagementName">Only for sites of this PMS; default any.</param>
/// <param name="PracticeManagementSiteId">Only for the practice of this id; default any.</param>
public sealed record CreateEnrolmentTokenRequest(int? ExpiresInMinutes, int? Uses, string? PracticeManagementName, string? PracticeManagementSiteId);

/// <summary>An enrolment token, without the token itself.</summary>
/// <param name="Id">Its id.</param>
/// <param name="State">Whether it still works, and if not, why.</param>
/// <param name="UsesLeft">How many Links may still enrol with it, while it works.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="ExpiresAt">Until when it works.</param>
public sealed record AdminEnrolmentToken(Guid Id, EnrolmentTokenState State, int UsesLeft, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt)
{
    /// <summary>How many Links it was made for; absent for tokens of older versions.</summary>
    public int? Uses { get; init; }

    /// <summary>Who made it, in the words of the audit log; absent for tokens of older versions.</summary>
    public string? CreatedBy { get; init; }

    /// <summary>The PMS of the sites that it is for; absent: any.</summary>
    public string? PracticeManagementName { get; init; }

    /// <summary>The id of the practice that it is for; absent: any.</summary>
    public string? PracticeManagementSiteId { get; init; }

    /// <summary>When it was revoked; absent: it was not.</summary>
    public DateTimeOffset? RevokedAt { get; init; }
}

/// <summary>Whether an enrolment token works.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<EnrolmentTokenState>))]
public enum EnrolmentTokenState
{
    /// <summary>A Link may enrol with it.</summary>
    Usable,

    /// <summary>As many Links have enrolled with it as it was made for.</summary>
    Spent,

    /// <summary>Its time is over.</summary>
    Expired,

    /// <summary>An operator revoked it.</summary>
    Revoked,
}

/// <summary>A page of enrolment tokens.</summary>
/// <param name="Tokens">At most as many as <c>limit</c> says.</param>
/// <param name="Next">Give it as <c>after</c> for the next page; absent on the last.</param>
public sealed record AdminEnrolmentTokenList(IReadOnlyList<AdminEnrolmentToken> Tokens, string? Next);

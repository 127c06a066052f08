using System.Text.Json.Serialization;
using Halo.Contracts.Json;

namespace Halo.Contracts.Admin;

/// <summary>What an operator may do. Each role may do what those before it may.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<OperatorRole>))]
public enum OperatorRole
{
    /// <summary>Look at everything; change nothing.</summary>
    Viewer,

    /// <summary>Configure sites, put Links into rings, pause releases. No keys, and nothing that gives anybody access or brings a release to anybody.</summary>
    Support,

    /// <summary>Everything else: integrators and their keys, pairings, enrolment, authority, releases.</summary>
    Operator,

    /// <summary>Make and revoke operators.</summary>
    Owner,
}

/// <summary>Makes an operator: a person or a program with a key of its own.</summary>
/// <param name="Name">Required, 1 to 100 characters; never given twice, whatever its case and spaces; no invisible characters.</param>
/// <param name="Role">Required.</param>
/// <param name="ExpiresAt">From then on the key opens nothing; absent: it does until it is revoked.</param>
public sealed record CreateOperatorRequest(string? Name, OperatorRole? Role, DateTimeOffset? ExpiresAt = null);

/// <summary>An operator that was just made.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">As it stands in the audit log.</param>
/// <param name="Role">What it may do.</param>
/// <param name="Key">For the header <c>Halo-Admin-Key</c>; shown this once.</param>
/// <param name="ExpiresAt">When the key ends; absent: when it is revoked.</param>
public sealed record NewOperator(Guid Id, string Name, OperatorRole Role, string Key, DateTimeOffset? ExpiresAt);

/// <summary>An operator, without its key.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">As it stands in the audit log.</param>
/// <param name="Role">What it may do.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="CreatedBy">Who made it, in the words of the audit log.</param>
public sealed record AdminOperator(Guid Id, string Name, OperatorRole Role, DateTimeOffset CreatedAt, string CreatedBy)
{
    /// <summary>When its key ends; absent: when it is revoked.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>When its key was revoked; absent: it was not.</summary>
    public DateTimeOffset? RevokedAt { get; init; }

    /// <summary>When its key was last used, to the minute; absent: never.</summary>
    public DateTimeOffset? LastUsedAt { get; init; }

    /// <summary>The address from which it was last used.</summary>
    public string? LastUsedFrom { get; init; }
}

/// <summary>A page of the operators, oldest first.</summary>
/// <param name="Operators">At most as many as <c>limit</c> says, revoked ones among them.</param>
/// <param name="Next">Give it as <c>after</c> for the next page; absent on the last.</param>
public sealed record AdminOperatorList(IReadOnlyList<AdminOperator> Operators, string? Next);

/// <summary>Changes an operator. What is absent stays.</summary>
/// <param name="Role">What it may do from now on.</param>
/// <param name="ExpiresAt">When its key ends.</param>
public sealed record ChangeOperatorRequest(OperatorRole? Role, DateTimeOffset? ExpiresAt);

/// <summary>Whose key a call has.</summary>
/// <param name="Id">The operator's; absent: it is the admin key.</param>
/// <param name="Name">Likewise.</param>
/// <param name="Role">What it may do.</param>
/// <param name="ExpiresAt">When the key ends; absent: it does not by itself.</param>
public sealed record CurrentOperator(Guid? Id, string? Name, OperatorRole Role, DateTimeOffset? ExpiresAt);

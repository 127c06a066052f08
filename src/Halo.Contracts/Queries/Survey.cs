using System.Text.Json.Serialization;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;

namespace Halo.Contracts.Queries;

/// <summary>Asks many sites one thing: an async query, and where it is asked. One of <c>sites</c> and <c>filter</c>.</summary>
public sealed record SurveyRequest : QueryRequest
{
    /// <summary>Ids of 1 to 10000 sites that the integrator is paired with.</summary>
    public IReadOnlyList<Guid>? Sites { get; init; }

    /// <summary>In place of <c>sites</c>: which of the integrator's sites, as they are now. <c>{}</c> is all that may be queried.</summary>
    public SurveyFilter? Filter { get; init; }

    /// <summary>At how many sites it runs at once, 1 to 1000; default 20. A site that is away takes no place.</summary>
    public int? AtOnce { get; init; }
}

/// <summary>Which of an integrator's sites are asked. What is absent does not count.</summary>
public sealed record SurveyFilter
{
    /// <summary><c>online</c>: those that are there now.</summary>
    public Sites.SiteAvailability? Availability { get; init; }

    /// <summary>Those of this practice management system, by its name as sites have it, in any case.</summary>
    public string? PracticeManagementName { get; init; }
}

/// <summary>One thing asked of many sites.</summary>
public sealed record Survey
{
    /// <summary>Its id.</summary>
    public required Guid Id { get; init; }

    /// <summary>Where it stands.</summary>
    public required SurveyStatus Status { get; init; }

    /// <summary>The <c>Halo-Tag</c> that it was asked with; the query of each site has it too.</summary>
    public string? Tag { get; init; }

    /// <summary>At how many sites it runs at once.</summary>
    public required int AtOnce { get; init; }

    /// <summary>When it was accepted: UTC, milliseconds.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>A site whose query the database does not have by then is not asked any more: UTC, milliseconds.</summary>
    public required DateTimeOffset DeadlineAt { get; init; }

    /// <summary>When it was cancelled; absent: it was not.</summary>
    public DateTimeOffset? CancelledAt { get; init; }

    /// <summary>When the last of its sites ended; absent: it has not.</summary>
    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>How many sites stand where.</summary>
    public required SurveyCounts Sites { get; init; }

    /// <summary>What the caller should know of the request.</summary>
    public IReadOnlyList<Notice>? Notices { get; init; }
}

/// <summary>How many sites of a survey stand where.</summary>
/// <param name="Total">All of them.</param>
/// <param name="Waiting">Not asked yet: away, or no place is free.</param>
/// <param name="Running">Asked, and not ended.</param>
/// <param name="Successful">Their results can be read.</param>
/// <param name="Failed">Their query failed.</param>
/// <param name="Expired">Their database did not get it in time; nothing ran there.</param>
/// <param name="Cancelled">Cancelled before or while it ran.</param>
/// <param name="Refused">They may not be asked, or not so; nothing ran there.</param>
public sealed record SurveyCounts(int Total, int Waiting, int Running, int Successful, int Failed, int Expired, int Cancelled, int Refused);

/// <summary>Where a survey stands.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<SurveyStatus>))]
public enum SurveyStatus
{
    /// <summary>Sites are asked, or waited for.</summary>
    Running,

    /// <summary>Cancelled; what runs still is being stopped.</summary>
    Cancelling,

    /// <summary>Every site has ended.</summary>
    Finished,
}

/// <summary>What became of a survey at one site.</summary>
public sealed record SurveySite
{
    /// <summary>Which site.</summary>
    public required Guid SiteId { get; init; }

    /// <summary>Where it stands there.</summary>
    public required SurveySiteStatus Status { get; init; }

    /// <summary>Its query, once it is asked: as <c>GET</c> shows it, without result.</summary>
    public Query? Query { get; init; }

    /// <summary>Why it was refused; absent: it was not.</summary>
    public SurveyRefusal? Refusal { get; init; }
}

/// <summary>Why a site of a survey was not asked.</summary>
/// <param name="Code">One of <see cref="ErrorCodes"/>.</param>
/// <param name="Message">For people.</param>
public sealed record SurveyRefusal(string Code, string Message);

/// <summary>Where a survey stands at a site.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<SurveySiteStatus>))]
public enum SurveySiteStatus
{
    /// <summary>Not asked yet.</summary>
    Waiting,

    /// <summary>Asked, and not ended.</summary>
    Running,

    /// <summary>Its result can be read.</summary>
    Successful,

    /// <summary>Its query failed.</summary>
    Failed,

    /// <summary>Its database did not get it in time.</summary>
    Expired,

    /// <summary>Cancelled.</summary>
    Cancelled,

    /// <summary>It may not be asked, or not so.</summary>
    Refused,
}

/// <summary>A page of a survey's sites.</summary>
/// <param name="Sites">In the order of their ids.</param>
public sealed record SurveySiteList(IReadOnlyList<SurveySite> Sites)
{
    /// <summary>Give it as <c>after</c> for the next page; absent: there is none.</summary>
    public string? Next { get; init; }
}

/// <summary>A page of an integrator's surveys.</summary>
/// <param name="Surveys">Newest first.</param>
public sealed record SurveyList(IReadOnlyList<Survey> Surveys)
{
    /// <summary>Give it as <c>after</c> for the next page; absent: there is none.</summary>
    public string? Next { get; init; }
}

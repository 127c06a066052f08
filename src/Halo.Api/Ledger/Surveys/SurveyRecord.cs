using System.Data.Common;
using Halo.Api.Storage;
using Halo.Contracts.Queries;

namespace Halo.Api.Ledger.Surveys;

/// <summary>A survey as the ledger has it.</summary>
sealed record SurveyRecord(Guid Id, Guid IntegratorId)
{
    public const string Columns = "id, integrator_id, tag, at_once, sites, created_at, deadline_at, cancelled_at, finished_at";

    public string? Tag { get; init; }
    public required int AtOnce { get; init; }
    public required int Sites { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>What has not begun by then does not begin.</summary>
    public required DateTimeOffset DeadlineAt { get; init; }
    public DateTimeOffset? CancelledAt { get; init; }
    public DateTimeOffset? FinishedAt { get; init; }

    public static SurveyRecord Read(DbDataReader r) => new(r.GetGuid(0), r.GetGuid(1))
    {
        Tag = r.StringOrNull(2),
        AtOnce = r.GetInt32(3),
        Sites = r.GetInt32(4),
        CreatedAt = r.Time(5),
        DeadlineAt = r.Time(6),
        CancelledAt = r.TimeOrNull(7),
        FinishedAt = r.TimeOrNull(8),
    };
}

/// <summary>One site of a survey.</summary>
/// <param name="QueryId">What it was asked; null: it was not.</param>
sealed record SurveySiteRecord(Guid SiteId, SurveySiteStatus Status, Guid? QueryId)
{
    public SurveyRefusal? Refusal { get; init; }
}

using System.Collections.Frozen;
using Halo.Api.Ledger.Records;
using Halo.Contracts.Queries;

namespace Halo.Api.Ledger.Surveys;

/// <summary>Where a survey stands at a site: from the site's own row, and from its query where it has one.</summary>
static class SurveySites
{
    public const string Waiting = "waiting", Asked = "asked", Refused = "refused", Expired = "expired", Cancelled = "cancelled";

    /// <summary>The tables that it is read from; columns of them are <c>m.state</c> and <c>q.status</c>.</summary>
    public const string From = "survey_sites m LEFT JOIN queries q ON q.id = m.query_id";

    static readonly FrozenDictionary<string, SurveySiteStatus> OfState = new Dictionary<string, SurveySiteStatus>
    {
        [Waiting] = SurveySiteStatus.Waiting,
        [Refused] = SurveySiteStatus.Refused,
        [Expired] = SurveySiteStatus.Expired,
        [Cancelled] = SurveySiteStatus.Cancelled,
    }.ToFrozenDictionary();

    /// <param name="state">As its row says.</param>
    /// <param name="query">As the row of its query says; null: it has none.</param>
    public static SurveySiteStatus StatusOf(string state, string? query) =>
        OfState.TryGetValue(state, out var own) ? own
        : query is null || QueryLifecycle.TryParse(query) is not { } status ? SurveySiteStatus.Running
        : StatusOf(status);

    /// <summary>The condition for those that stand so.</summary>
    public static string Condition(SurveySiteStatus wanted)
    {
        var own = OfState.Where(s => s.Value == wanted).Select(s => $"m.state = '{s.Key}'");
        var asked = Enum.GetValues<QueryStatus>().Where(s => StatusOf(s) == wanted).Select(s => $"'{QueryLifecycle.Word(s)}'").ToList();
        return $"({string.Join(" OR ", [.. own, .. asked.Count == 0 ? Array.Empty<string>() : [$"m.state = '{Asked}' AND q.status IN ({string.Join(", ", asked)})"]])})";
    }

    static SurveySiteStatus StatusOf(QueryStatus status) => status switch
    {
        QueryStatus.Successful => SurveySiteStatus.Successful,
        QueryStatus.ExpiredInQueue => SurveySiteStatus.Expired,
        QueryStatus.Cancelled => SurveySiteStatus.Cancelled,
        _ => QueryLifecycle.IsFinal(status) ? SurveySiteStatus.Failed : SurveySiteStatus.Running,
    };
}

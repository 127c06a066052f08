using System.Data.Common;
using Halo.Api.Ledger.Events;
using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Halo.Contracts.Events;
using Halo.Contracts.Queries;

namespace Halo.Api.Ledger.Surveys;

/// <summary>Surveys in the store: made, asked site by site, cancelled, ended.</summary>
sealed class SurveyStore(Database database, MasterKeys keys, TimeProvider time)
{
    static readonly string[] SiteColumns = ["survey_id", "site_id", "state"];

    long Now => time.GetUtcNow().Ms();

    /// <summary>Stores a new one, with its sites.</summary>
    /// <param name="request">What is asked, as <see cref="OpenRequestAsync"/> gives it back.</param>
    /// <param name="most">That one integrator may have running.</param>
    /// <param name="condition">What has to hold in the same transaction; null: nothing.</param>
    /// <returns>How it went: nothing is stored otherwise.</returns>
    public async Task<SurveyAdded> AddAsync(SurveyRecord survey, IReadOnlyList<Guid> sites, byte[] request, int most, AcceptCondition? condition)
    {
        var key = keys.NewDataKey(survey.Id);
        var blob = SealedBlob.Seal(key, BlobPlace.Command, request);
        return await database.WriteAsync(async t =>
        {
            // Two that begin at once wait for each other: else both would find room for one.
            await t.ReadAsync(r => r.GetGuid(0), $"SELECT id FROM integrators WHERE id = @id{database.ForUpdate}", ("id", survey.IntegratorId));
            var running = (await t.ReadAsync(r => r.GetInt64(0), "SELECT COUNT(*) FROM surveys WHERE integrator_id = @id AND finished_at IS NULL", ("id", survey.IntegratorId)))[0];
            if (running >= most)
                return SurveyAdded.TooMany;
            // Last of what can refuse: it may have written something.
            if (condition is not null && !await condition(t, survey.Id))
                return SurveyAdded.NotWanted;
            await t.RunAsync(
                """
                INSERT INTO surveys (id, integrator_id, tag, at_once, sites, created_at, deadline_at, wrapped_key, request)
                VALUES (@id, @integrator, @tag, @at_once, @sites, @created, @deadline, @wrapped, @request)
                """,
                ("id", survey.Id), ("integrator", survey.IntegratorId), ("tag", survey.Tag), ("at_once", survey.AtOnce), ("sites", sites.Count),
                ("created", survey.CreatedAt.Ms()), ("deadline", survey.DeadlineAt.Ms()), ("wrapped", key.Wrapped), ("request", blob));
            foreach (var step in sites.Chunk(Rows.Most))
                await t.RunAsync(Rows.Insert("survey_sites", SiteColumns, step.Length), Rows.Values(step, site => [survey.Id, site, SurveySites.Waiting]));
            return SurveyAdded.Stored;
        });
    }

    /// <summary>What it asks; null: it has ended, or was never stored.</summary>
    /// <exception cref="SealBrokenException">It cannot be read any more.</exception>
    public async Task<byte[]?> OpenRequestAsync(Guid id) => await database.ReadAsync(r => (Key: r.BytesOrNull(0), Request: r.BytesOrNull(1)),
        "SELECT wrapped_key, request FROM surveys WHERE id = @id AND finished_at IS NULL", ("id", id)) is [var found]
        ? SealedBlob.Open(keys.OpenDataKey(id, found.Key ?? throw SealedBlob.Broken()), BlobPlace.Command, found.Request ?? throw SealedBlob.Broken())
        : null;

    /// <summary>One of an integrator's own; null: there is none.</summary>
    public async Task<SurveyRecord?> FindAsync(Guid integratorId, Guid id) => (await database.ReadAsync(SurveyRecord.Read,
        $"SELECT {SurveyRecord.Columns} FROM surveys WHERE id = @id AND integrator_id = @integrator", ("id", id), ("integrator", integratorId))).FirstOrDefault();

    /// <summary>An integrator's own, newest first.</summary>
    /// <param name="before">Only older ones than this.</param>
    public Task<List<SurveyRecord>> ListAsync(Guid integratorId, Guid? before, int limit) => database.ReadAsync(SurveyRecord.Read,
        $"SELECT {SurveyRecord.Columns} FROM surveys WHERE integrator_id = @integrator {(before is null ? "" : "AND id < @before")} ORDER BY id DESC LIMIT @limit",
        [("integrator", integratorId), ("limit", limit), .. before is { } id ? [("before", (object?)id)] : Array.Empty<(string, object?)>()]);

    /// <summary>All that have not ended, of whomever.</summary>
    public Task<List<SurveyRecord>> RunningAsync() => database.ReadAsync(SurveyRecord.Read, $"SELECT {SurveyRecord.Columns} FROM surveys WHERE finished_at IS NULL ORDER BY id");

    /// <summary>How many of its sites stand where.</summary>
    public async Task<IReadOnlyDictionary<SurveySiteStatus, int>> CountAsync(Guid id) => (await database.ReadAsync(
            r => (Status: SurveySites.StatusOf(r.GetString(0), r.StringOrNull(1)), Count: (int)r.GetInt64(2)),
            $"SELECT m.state, q.status, COUNT(*) FROM {SurveySites.From} WHERE m.survey_id = @id GROUP BY m.state, q.status", ("id", id)))
        .GroupBy(c => c.Status).ToDictionary(g => g.Key, g => g.Sum(c => c.Count));

    /// <summary>Its sites, in the order of their ids.</summary>
    /// <param name="status">Only those that stand so; null: all.</param>
    /// <param name="after">Only those behind this one; null: from the first.</param>
    public Task<List<SurveySiteRecord>> SitesAsync(Guid id, SurveySiteStatus? status, Guid? after, int limit) => database.ReadAsync(
        r => new SurveySiteRecord(r.GetGuid(0), SurveySites.StatusOf(r.GetString(1), r.StringOrNull(2)), r.GuidOrNull(3))
        {
            Refusal = r.StringOrNull(4) is { } code ? new(code, r.GetString(5)) : null,
        },
        $"""
        SELECT m.site_id, m.state, q.status, m.query_id, m.refused_code, m.refused_text FROM {SurveySites.From}
        WHERE m.survey_id = @id {(after is null ? "" : "AND m.site_id > @after")} {(status is { } wanted ? $"AND {SurveySites.Condition(wanted)}" : "")}
        ORDER BY m.site_id LIMIT @limit
        """,
        [("id", id), ("limit", limit), .. after is { } site ? [("after", (object?)site)] : Array.Empty<(string, object?)>()]);

    /// <summary>What was asked of a site; null: nothing was.</summary>
    public async Task<Guid?> QueryOfAsync(Guid id, Guid siteId) => (await database.ReadAsync(r => r.GuidOrNull(0),
        "SELECT query_id FROM survey_sites WHERE survey_id = @id AND site_id = @site", ("id", id), ("site", siteId))).FirstOrDefault();

    /// <summary>In the transaction that accepts a site's query: it is this one, unless it was asked before, or is not to be any more.</summary>
    public static async Task<bool> AskAsync(DbTransaction t, Guid id, Guid siteId, Guid queryId) => await t.RunAsync(
        $"UPDATE survey_sites SET state = '{SurveySites.Asked}', query_id = @query WHERE survey_id = @id AND site_id = @site AND state = '{SurveySites.Waiting}'",
        ("id", id), ("site", siteId), ("query", queryId)) > 0;

    /// <summary>A site may not be asked.</summary>
    public Task RefuseAsync(Guid id, Guid siteId, SurveyRefusal why) => database.WriteAsync(t => t.RunAsync(
        $"UPDATE survey_sites SET state = '{SurveySites.Refused}', refused_code = @code, refused_text = @text WHERE survey_id = @id AND site_id = @site AND state = '{SurveySites.Waiting}'",
        ("id", id), ("site", siteId), ("code", why.Code), ("text", why.Message)));

    /// <summary>What waits at its deadline has waited for too long.</summary>
    public Task ExpireAsync(Guid id) => database.WriteAsync(t => EndWaitingAsync(t, id, SurveySites.Expired));

    /// <summary>What waits is not asked any more.</summary>
    /// <returns>False: it had ended, or was cancelled before.</returns>
    public Task<bool> CancelAsync(Guid id) => database.WriteAsync(async t =>
    {
        if (await t.RunAsync("UPDATE surveys SET cancelled_at = @now WHERE id = @id AND finished_at IS NULL AND cancelled_at IS NULL", ("id", id), ("now", Now)) == 0)
            return false;
        await EndWaitingAsync(t, id, SurveySites.Cancelled);
        return true;
    });

    /// <summary>Every site has ended: what it asked goes, and its integrator is told.</summary>
    /// <returns>False: it had ended before.</returns>
    public Task<bool> FinishAsync(SurveyRecord survey) => database.WriteAsync(async t =>
    {
        if (await t.RunAsync("UPDATE surveys SET finished_at = @now, wrapped_key = NULL, request = NULL WHERE id = @id AND finished_at IS NULL", ("id", survey.Id), ("now", Now)) == 0)
            return false;
        await EndWaitingAsync(t, survey.Id, SurveySites.Expired);
        await EventLog.AppendAsync(t, [new NewEvent(survey.IntegratorId, EventTypes.SurveyFinished, null, new() { SurveyId = survey.Id, Tag = survey.Tag })], Now);
        return true;
    });

    static Task<int> EndWaitingAsync(DbTransaction t, Guid id, string state) => t.RunAsync(
        $"UPDATE survey_sites SET state = '{state}' WHERE survey_id = @id AND state = '{SurveySites.Waiting}'", ("id", id));
}

/// <summary>Whether a survey was stored.</summary>
enum SurveyAdded
{
    Stored,

    /// <summary>Its integrator has as many running as it may.</summary>
    TooMany,

    /// <summary>The condition does not hold.</summary>
    NotWanted,
}

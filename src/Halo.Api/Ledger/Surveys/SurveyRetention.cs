using Halo.Api.Ledger.Records;
using Halo.Api.Storage;

namespace Halo.Api.Ledger.Surveys;

/// <summary>Takes surveys out of the ledger that have been kept as long as they should, one in a step: each may have thousands of sites.</summary>
sealed class SurveyRetention(Database database)
{
    /// <summary>Takes one that ended and was accepted before, the oldest first.</summary>
    /// <returns>How many went.</returns>
    public Task<int> ForgetAsync(DateTimeOffset acceptedBefore) => database.WriteAsync(t => t.RunAsync(
        "DELETE FROM surveys WHERE id IN (SELECT id FROM surveys WHERE id < @bound AND finished_at IS NOT NULL ORDER BY id LIMIT 1)",
        ("bound", QueryFilter.FirstIdOf(acceptedBefore))));
}

using Halo.Api.Storage;

namespace Halo.Api.Queries.Schemas;

/// <summary>Takes away schemas that nobody has had read again for long: the right to what they say may have been narrowed at the practice.</summary>
sealed class SchemaRetention(Database database)
{
    const int Step = 100;

    /// <summary>How long one is kept, and told, from when it was read.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromDays(30);

    /// <summary>Takes some that were read before.</summary>
    /// <returns>How many went; 0: there are no more.</returns>
    public Task<int> ForgetAsync(DateTimeOffset readBefore) => database.WriteAsync(t => t.RunAsync(
        $"DELETE FROM database_schemas WHERE id IN (SELECT id FROM database_schemas WHERE read_at <= @before LIMIT {Step})", ("before", readBefore.Ms())));
}

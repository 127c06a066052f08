using System.Collections.Concurrent;

namespace Halo.Api.Queries.Schemas;

/// <summary>What Links say of the catalogues of their databases: another text, and they may be others.</summary>
sealed class SchemaMarks
{
    readonly ConcurrentDictionary<Guid, string> _last = new();

    /// <summary>What was said last of a site; null: nothing since this service started.</summary>
    public string? Of(Guid siteId) => _last.GetValueOrDefault(siteId);

    /// <summary>Takes in what was said.</summary>
    public void Heard(Guid siteId, string mark) => _last[siteId] = mark;
}

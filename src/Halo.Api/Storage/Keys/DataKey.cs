namespace Halo.Api.Storage.Keys;

/// <summary>The key of one query's own data: its command, its pages, its detail. Stored only as <see cref="Wrapped"/>.</summary>
sealed class DataKey
{
    internal DataKey(Guid queryId, byte[] key, byte[] wrapped)
    {
        QueryId = queryId;
        Key = key;
        Wrapped = wrapped;
    }

    /// <summary>The query whose data it opens.</summary>
    public Guid QueryId { get; }

    internal byte[] Key { get; }

    internal byte[] Wrapped { get; }
}

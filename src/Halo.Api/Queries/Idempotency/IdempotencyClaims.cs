namespace Halo.Api.Queries.Idempotency;

/// <summary>The requests with a key that this process is carrying out, by their keys. Of several with one key all but one will lose it.</summary>
sealed class IdempotencyClaims
{
    readonly Lock _lock = new();
    readonly Dictionary<(Guid IntegratorId, string Key), List<IdempotencyClaim>> _all = [];

    public void Add(IdempotencyClaim claim)
    {
        lock (_lock)
        {
            if (!_all.TryGetValue(claim.Name, out var same))
                _all[claim.Name] = same = [];
            same.Add(claim);
        }
    }

    public void Remove(IdempotencyClaim claim)
    {
        lock (_lock)
        {
            if (_all.TryGetValue(claim.Name, out var same) && same.Remove(claim) && same.Count == 0)
                _all.Remove(claim.Name);
        }
    }

    /// <summary>Those with this key, now.</summary>
    public IReadOnlyList<IdempotencyClaim> Find(Guid integratorId, string key)
    {
        lock (_lock)
            return _all.TryGetValue((integratorId, key), out var same) ? [.. same] : [];
    }
}

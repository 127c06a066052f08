using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Halo.Api.Storage.Keys;

/// <summary>The master key that wraps, and the older ones that still unwrap.</summary>
sealed class MasterKeys
{
    readonly MasterKey _current;
    readonly Dictionary<string, MasterKey> _all;

    internal MasterKeys(MasterKey current, IEnumerable<MasterKey> old)
    {
        _current = current;
        _all = old.Append(current).DistinctBy(k => k.Id).ToDictionary(k => k.Id);
    }

    internal string CurrentId => _current.Id;

    internal IReadOnlyCollection<string> Ids => _all.Keys;

    /// <summary>A new random key for the data of a query.</summary>
    public DataKey NewDataKey(Guid queryId)
    {
        var key = RandomNumberGenerator.GetBytes(MasterKey.Bytes);
        return new(queryId, key, _current.Wrap(key, NameOf(queryId)));
    }

    /// <summary>The data key of a query, as it stands in the ledger.</summary>
    /// <exception cref="SealBrokenException">It was changed, is another query's, or its master key is not among the configured ones.</exception>
    public DataKey OpenDataKey(Guid queryId, byte[] wrapped) => new(queryId, Unwrap(wrapped, NameOf(queryId)), wrapped);

    /// <summary>Wraps a secret of the service itself, such as a signing key.</summary>
    /// <param name="secret">Any bytes.</param>
    /// <param name="purpose">Binds it to its use.</param>
    public byte[] WrapSecret(ReadOnlySpan<byte> secret, string purpose) => _current.Wrap(secret, Encoding.UTF8.GetBytes("secret:" + purpose));

    /// <summary>Opens what <see cref="WrapSecret"/> made.</summary>
    /// <exception cref="SealBrokenException">See <see cref="OpenDataKey"/>.</exception>
    public byte[] UnwrapSecret(byte[] wrapped, string purpose) => Unwrap(wrapped, Encoding.UTF8.GetBytes("secret:" + purpose));

    /// <summary>Writes a tag that only this service can make of this text.</summary>
    /// <param name="tag"><see cref="MasterKey.TextTagBytes"/>.</param>
    public void WriteTag(ReadOnlySpan<byte> text, Span<byte> tag) => _current.WriteTag(text, tag);

    /// <summary>Whether this service made the tag of this text, by this master key or an older one.</summary>
    public bool IsTag(ReadOnlySpan<byte> text, ReadOnlySpan<byte> tag)
    {
        Span<byte> right = stackalloc byte[MasterKey.TextTagBytes];
        foreach (var key in _all.Values)
        {
            key.WriteTag(text, right);
            if (CryptographicOperations.FixedTimeEquals(right, tag))
                return true;
        }
        return false;
    }

    /// <summary>The data key of a query, wrapped by the current master key.</summary>
    /// <exception cref="SealBrokenException">See <see cref="OpenDataKey"/>.</exception>
    internal byte[] RewrapDataKey(Guid queryId, byte[] wrapped) => _current.Wrap(Unwrap(wrapped, NameOf(queryId)), NameOf(queryId));

    byte[] Unwrap(byte[] wrapped, ReadOnlySpan<byte> name)
    {
        if (MasterKey.IdIn(wrapped) is not { } id)
            throw new SealBrokenException("This is no wrapped key.");
        if (!TryGet(id, out var key))
            throw new SealBrokenException($"The master key {id} is not configured (Halo:Encryption:OldKeys).");
        return key.Unwrap(wrapped, name);
    }

    bool TryGet(string id, [NotNullWhen(true)] out MasterKey? key) => _all.TryGetValue(id, out key);

    static byte[] NameOf(Guid queryId) => [.. "query:"u8, .. queryId.ToByteArray(bigEndian: true)];
}

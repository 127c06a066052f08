using System.Security.Cryptography;
using System.Text;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;

namespace Halo.Api.Sites.Pairings;

/// <summary>The key under which pairing codes are kept: a code is too short for a hash without one.</summary>
sealed class PairingKey
{
    readonly byte[] _key;

    PairingKey(byte[] key) => _key = key;

    /// <summary>What is kept of a code; of another site the same code gives something else.</summary>
    public byte[] Hash(Guid siteId, string code) => HMACSHA256.HashData(_key, Encoding.ASCII.GetBytes($"{siteId} {code}"));

    /// <summary>Reads it, making it where there is none.</summary>
    public static async Task<PairingKey> LoadAsync(Database database, MasterKeys keys, TimeProvider time) =>
        new(await ServiceKey.LoadAsync(database, keys, "pairing-code", time));
}

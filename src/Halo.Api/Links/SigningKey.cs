using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Microsoft.IdentityModel.Tokens;

namespace Halo.Api.Links;

/// <summary>The key that signs access tokens, the same on every node.</summary>
public sealed class SigningKey
{
    SigningKey(byte[] key) => Key = new SymmetricSecurityKey(key);

    /// <summary>For HMAC-SHA-256.</summary>
    public SymmetricSecurityKey Key { get; }

    /// <summary>Reads it, making it where there is none.</summary>
    public static async Task<SigningKey> LoadAsync(Database database, MasterKeys keys, TimeProvider time) =>
        new(await ServiceKey.LoadAsync(database, keys, "access-token", time));
}

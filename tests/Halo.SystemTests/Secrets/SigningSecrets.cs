using System.Security.Cryptography;
using System.Text;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Halo.SystemTests.Secrets;

/// <summary>The keys with which the API signs, opened as its documents say: a search for them must know them.</summary>
static class SigningSecrets
{
    /// <summary>Purpose and key, each.</summary>
    public static async Task<IReadOnlyList<(string Purpose, byte[] Key)>> ReadAsync(string dataDirectory, string? store, byte[] masterKey)
    {
        await using System.Data.Common.DbConnection connection = store is null
            ? new SqliteConnection($"Data Source={Path.Combine(dataDirectory, "halo.db")};Mode=ReadOnly;Pooling=False") : new NpgsqlConnection(store);
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT purpose, wrapped_key FROM api_keys";
        await using var reader = await command.ExecuteReaderAsync();
        var keys = new List<(string, byte[])>();
        while (await reader.ReadAsync())
            keys.Add((reader.GetString(0), Unwrap((byte[])reader.GetValue(1), reader.GetString(0), masterKey)));
        Assert.NotEmpty(keys);
        return keys;
    }

    /// <summary>Magic and version (5 bytes), key id (8), salt (32), ciphertext, tag (16).</summary>
    static byte[] Unwrap(byte[] wrapped, string purpose, byte[] masterKey)
    {
        const int Header = 45, Tag = 16;
        var key = HKDF.DeriveKey(HashAlgorithmName.SHA256, masterKey, 32, wrapped[13..Header], "halo wrap 1"u8.ToArray());
        using var aes = new AesGcm(key, Tag);
        var secret = new byte[wrapped.Length - Header - Tag];
        aes.Decrypt(new byte[12], wrapped.AsSpan(Header, secret.Length), wrapped.AsSpan(wrapped.Length - Tag), secret, [.. wrapped[..Header], .. Encoding.UTF8.GetBytes("secret:" + purpose)]);
        return secret;
    }
}

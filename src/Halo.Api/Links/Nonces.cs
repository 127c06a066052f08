using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using Halo.Api.Storage;

namespace Halo.Api.Links;

/// <summary>Single-use nonces, valid 60 s by this service's clock.</summary>
/// <remarks>
/// Anybody may ask for one, so making it costs no write: it carries its end and a MAC of the key that all nodes share. Only
/// one that comes back with a proof is written down, as used, so that no node takes it twice.
/// </remarks>
sealed class Nonces(Database database, SigningKeys signing, TimeProvider time)
{
    /// <summary>How long a nonce can be used.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromSeconds(60);

    // A used one is kept longer than it lives: the nodes' clocks differ, and one that is behind would take it again.
    static readonly TimeSpan KeptAfterwards = TimeSpan.FromMinutes(10);

    const int TimeBytes = 8;
    const int HeadBytes = 16;
    const int AllBytes = 32;

    long _nextSweep;

    long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>A new nonce.</summary>
    public string Create()
    {
        Span<byte> nonce = stackalloc byte[AllBytes];
        BinaryPrimitives.WriteInt64BigEndian(nonce, Now + (long)Life.TotalMilliseconds);
        RandomNumberGenerator.Fill(nonce[TimeBytes..HeadBytes]);
        Mac(signing.Current, nonce[..HeadBytes], nonce[HeadBytes..]);
        return Base64Url.EncodeToString(nonce);
    }

    /// <summary>Takes the nonce out of the world.</summary>
    /// <returns>Whether it was ours, in time, and not used before.</returns>
    public async Task<bool> ConsumeAsync(string nonce)
    {
        // Another node may have made it with a newer key.
        if ((EndOf(nonce) ?? (await signing.LookAgainAsync() ? EndOf(nonce) : null)) is not { } end || end < Now)
            return false;
        Sweep();
        return 1 == await database.CommitAsync(new Statement(
            "INSERT INTO nonces (nonce, expires_at) VALUES (@nonce, @until) ON CONFLICT DO NOTHING", ("nonce", nonce), ("until", end)));
    }

    /// <summary>When it ends; null: it is not ours.</summary>
    long? EndOf(string nonce)
    {
        Span<byte> bytes = stackalloc byte[AllBytes];
        Span<byte> mac = stackalloc byte[AllBytes - HeadBytes];
        // Of several texts for the same bytes only the one that was given out counts: the text is what is written down as used.
        if (nonce.Length != Base64Url.GetEncodedLength(AllBytes) || Base64Url.DecodeFromChars(nonce, bytes, out _, out var length) != OperationStatus.Done || length != AllBytes
            || Base64Url.EncodeToString(bytes) != nonce)
            return null;
        foreach (var key in signing.Valid)
        {
            Mac(key, bytes[..HeadBytes], mac);
            if (CryptographicOperations.FixedTimeEquals(mac, bytes[HeadBytes..]))
                return BinaryPrimitives.ReadInt64BigEndian(bytes);
        }
        return null;
    }

    static void Mac(SigningKey key, ReadOnlySpan<byte> head, Span<byte> mac)
    {
        Span<byte> whole = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(key.NonceKey, head, whole);
        whole[..mac.Length].CopyTo(mac);
    }

    /// <summary>Once a minute the old ones go, in the same group commit.</summary>
    void Sweep()
    {
        var now = Now;
        var due = Interlocked.Read(ref _nextSweep);
        if (now < due || Interlocked.CompareExchange(ref _nextSweep, now + 60_000, due) != due)
            return;
        _ = database.CommitAsync(new Statement("DELETE FROM nonces WHERE expires_at < @old", ("old", now - (long)KeptAfterwards.TotalMilliseconds)));
    }
}

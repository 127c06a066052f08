using System.Security.Cryptography;
using System.Text.Json;
using Halo.Link.Files;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Journal;

/// <summary>Seals the reports in the journal: errors and output parameters are patients' data. Nonce, ciphertext, tag; bound to the query's id.</summary>
sealed class ReportVault(LocalKey key)
{
    const int NonceBytes = 12;
    const string Purpose = "halo-link journal 1";

    public byte[] Seal(Guid queryId, Report report)
    {
        var plain = JsonSerializer.SerializeToUtf8Bytes(report, ProtocolJson.Default.Report);
        var blob = new byte[NonceBytes + plain.Length + LocalKey.TagBytes];
        RandomNumberGenerator.Fill(blob.AsSpan(0, NonceBytes));
        using var cipher = key.Cipher(Purpose, queryId.ToByteArray());
        cipher.Encrypt(blob.AsSpan(0, NonceBytes), plain, blob.AsSpan(NonceBytes, plain.Length), blob.AsSpan(NonceBytes + plain.Length));
        return blob;
    }

    /// <summary>Null where it was sealed under another key or is damaged: the entry's phase then says what can be said.</summary>
    public Report? Open(Guid queryId, ReadOnlySpan<byte> blob)
    {
        if (blob.Length < NonceBytes + LocalKey.TagBytes)
            return null;
        var plain = new byte[blob.Length - NonceBytes - LocalKey.TagBytes];
        try
        {
            using var cipher = key.Cipher(Purpose, queryId.ToByteArray());
            cipher.Decrypt(blob[..NonceBytes], blob[NonceBytes..^LocalKey.TagBytes], blob[^LocalKey.TagBytes..], plain);
            return JsonSerializer.Deserialize(plain, ProtocolJson.Default.Report);
        }
        catch (Exception e) when (e is CryptographicException or JsonException)
        {
            return null;
        }
    }
}

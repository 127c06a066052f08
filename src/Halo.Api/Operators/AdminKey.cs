using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Halo.Api.Settings;
using Halo.Api.Storage;
using Halo.Line;

namespace Halo.Api.Operators;

/// <summary>The admin key, for the first start and for when nobody else can get in: from the settings, or made at first start and written where only the owner reads.</summary>
sealed partial class AdminKey
{
    /// <summary>The header that carries it.</summary>
    public const string Header = "Halo-Admin-Key";

    readonly byte[] _hash;

    AdminKey(string key) => _hash = Hash(key);

    /// <summary>Compares in constant time.</summary>
    public bool Is(string key) => CryptographicOperations.FixedTimeEquals(Hash(key), _hash);

    /// <summary>Tells whether it is still the same key; nothing of it can be found out from this.</summary>
    public byte[] Mark => SHA256.HashData(_hash);

    /// <summary>Reads the key, making it where there is none.</summary>
    public static AdminKey Load(ApiOptions options, DataDirectory directory, ILogger log)
    {
        if (options.AdminKey is { } given)
            return new AdminKey(given);
        var path = directory.File("admin.key");
        if (!File.Exists(path))
        {
            _ = DurableFile.TryCreateOwnerOnly(path, Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32)));
            LogMade(log, path);
        }
        return new AdminKey(File.ReadAllText(path).Trim());
    }

    static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));

    [LoggerMessage(1401, LogLevel.Information, "The admin key was made and is in {Path}. Send it in the header Halo-Admin-Key.")]
    static partial void LogMade(ILogger log, string path);
}

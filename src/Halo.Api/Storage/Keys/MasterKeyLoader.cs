using System.Security.Cryptography;
using Halo.Api.Basics;
using Halo.Line;

namespace Halo.Api.Storage.Keys;

/// <summary>Finds the master key at start, or makes the first one. Never makes a key beside data that another one encrypted.</summary>
static class MasterKeyLoader
{
    /// <param name="database">Already migrated.</param>
    /// <param name="mayMakeKey">With SQLite alone: many nodes must be given one key.</param>
    /// <exception cref="StartupException">A key is missing, malformed, or not the one that the stored data needs.</exception>
    public static async Task<MasterKeys> LoadAsync(
        EncryptionOptions options, Database database, DataDirectory directory, bool mayMakeKey, TimeProvider time)
    {
        var old = options.OldKeys.Select((k, i) => Parse(k, $"the setting Halo:Encryption:OldKeys:{i}")).ToList();
        var file = directory.File("master.key");
        MasterKey current;
        if (!string.IsNullOrWhiteSpace(options.MasterKey))
            current = Parse(options.MasterKey, "the setting Halo:Encryption:MasterKey");
        else if (!mayMakeKey)
        {
            throw new StartupException(
                "With PostgreSQL the setting Halo:Encryption:MasterKey is required, the same on every node: 256 random bits in base64, "
                + "for example from 'openssl rand -base64 32'. Keep a copy apart from the database's backups.");
        }
        else if (File.Exists(file))
            current = Parse(await File.ReadAllTextAsync(file), $"the file '{file}'");
        else if (await StoredKeys.AnyInUseAsync(database))
        {
            throw new StartupException(
                $"The store holds encrypted data, but its master key is missing: the file '{file}' does not exist and the setting "
                + "Halo:Encryption:MasterKey is not set. Put the key back from where you keep it; a new one could not read that data.");
        }
        else
            current = Make(file);

        var keys = new MasterKeys(current, old);
        await StoredKeys.CheckAsync(database, keys, time);
        return keys;
    }

    static MasterKey Make(string file)
    {
        var key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(MasterKey.Bytes));
        if (DurableFile.TryCreateOwnerOnly(file, key))
            return Parse(key, file);
        // Another process made it in this moment.
        return Parse(File.ReadAllText(file), $"the file '{file}'");
    }

    static MasterKey Parse(string text, string where)
    {
        var key = new byte[MasterKey.Bytes + 1];
        return Convert.TryFromBase64String(text.Trim(), key, out var length) && length == MasterKey.Bytes
            ? new(key[..MasterKey.Bytes])
            : throw new StartupException($"The master key in {where} is not 32 bytes in base64. 'openssl rand -base64 32' makes one.");
    }
}

using Halo.Api.Basics;
using Halo.Api.Links;
using Halo.Api.Operators;
using Halo.Api.Settings;
using Halo.Api.Sites.Pairings;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;

namespace Halo.Api;

/// <summary>Settings, data directory, store and keys: made before the service, so that no part of it ever sees one half-made.</summary>
/// <param name="Options">The settings.</param>
/// <param name="Directory">Where files are kept.</param>
/// <param name="Database">The store, its schema up to date.</param>
/// <param name="Keys">The master keys.</param>
/// <param name="Signing">Sign access tokens.</param>
/// <param name="Pairing">Hides pairing codes.</param>
/// <param name="Admin">The admin key.</param>
sealed record HostBootstrap(
    ApiOptions Options, DataDirectory Directory, Database Database, MasterKeys Keys, SigningKeys Signing, PairingKey Pairing, AdminKey Admin) : IAsyncDisposable
{
    /// <summary>Keeps other processes from a store that one process serves alone; null where many may.</summary>
    IDisposable? Hold { get; init; }

    /// <summary>Opens the store and takes the keys.</summary>
    /// <exception cref="StartupException">A person has to put something right first.</exception>
    public static async Task<HostBootstrap> CreateAsync(IConfiguration configuration, ILogger log, TimeProvider time)
    {
        var options = ApiOptions.Read(configuration);
        var directory = DataDirectory.Prepare(options.DataDirectory);
        var storage = options.Storage;
        var hold = storage.UsesPostgres ? null : directory.Hold();
        var database = storage.Open(directory, time);
        try
        {
            await database.MigrateAsync();
            var keys = await MasterKeyLoader.LoadAsync(options.Encryption, database, directory, mayMakeKey: !storage.UsesPostgres, time);
            return new HostBootstrap(options, directory, database, keys, await SigningKeys.LoadAsync(database, keys, time),
                await PairingKey.LoadAsync(database, keys, time), AdminKey.Load(options, directory, log))
            {
                Hold = hold,
            };
        }
        catch
        {
            await database.DisposeAsync();
            hold?.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Database.DisposeAsync();
        Hold?.Dispose();
    }
}

using Halo.Api.Storage;

namespace Halo.Api.Errors;

/// <summary>Work of the store before a query is under way: where the store fails, the request is refused and nothing has run.</summary>
static class StoreAway
{
    /// <param name="work">Nothing runs on the strength of it unless it succeeds.</param>
    /// <param name="unlessStored">What may be stored all the same would run later: then the failure comes out as it is, and the caller hears that it may.</param>
    /// <exception cref="RefusedException">The store failed.</exception>
    public static async Task<T> OrRefuseAsync<T>(this Task<T> work, bool unlessStored = false)
    {
        try
        {
            return await work;
        }
        catch (Exception e) when (StorageException.Means(e) && !(unlessStored && e is StorageException { NothingStored: false }))
        {
            throw new RefusedException(Refusal.StoreAway, e);
        }
    }

    /// <inheritdoc cref="OrRefuseAsync{T}"/>
    public static async Task OrRefuseAsync(this Task work)
    {
        await WithoutResultAsync().OrRefuseAsync();

        async Task<bool> WithoutResultAsync()
        {
            await work;
            return true;
        }
    }
}

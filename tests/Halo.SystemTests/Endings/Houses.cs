using Halo.Testing;

namespace Halo.SystemTests.Endings;

/// <summary>One house for each engine.</summary>
static class Houses
{
    public static Task<EndingsHouse> SqliteAsync(params (string, string)[] settings) =>
        EndingsHouse.OpenAsync(fixture => Task.FromResult<EndingsPractice>(new SqlitePractice(fixture.SqliteFile())), settings);

    /// <summary>PostgreSQL on both sides.</summary>
    public static async Task<EndingsHouse> PostgresAsync(SharedPostgres postgres, params (string, string)[] settings) =>
        await EndingsHouse.OpenAsync(async _ => new PostgresPractice(await postgres.Server.CreateDatabaseAsync()), [.. settings, .. await House.PostgresStoreAsync(postgres)]);
}

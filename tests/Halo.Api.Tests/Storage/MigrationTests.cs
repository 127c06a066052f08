using Halo.Api.Basics;
using Halo.Api.Storage;
using Halo.Api.Storage.Postgres;
using Npgsql;

namespace Halo.Api.Tests.Storage;

public class MigrationTests(SharedPostgres postgres)
{
    [Theory, OnBothStores]
    public async Task Two_processes_that_migrate_at_once_apply_each_script_once(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres, migrate: false);
        await using var second = store.OpenAgain();
        await using var third = store.OpenAgain();

        await Task.WhenAll(Task.Run(() => store.Database.MigrateAsync()), Task.Run(() => second.MigrateAsync()), Task.Run(() => third.MigrateAsync()));

        Assert.Equal(1, await store.CountAsync("SELECT COUNT(*) FROM schema_version WHERE version = 1"));
        Assert.Equal(0, await store.CountAsync("SELECT COUNT(*) FROM queries"));
    }

    [Theory, OnBothStores]
    public async Task A_store_made_by_a_newer_program_is_refused(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        await store.RunAsync("INSERT INTO schema_version (version, name, applied_at) VALUES (9999, 'future', 0)");
        var e = await Assert.ThrowsAsync<StartupException>(() => store.Database.MigrateAsync());
        Assert.Contains("newer", e.Message, StringComparison.Ordinal);
    }

    [Theory, OnBothStores]
    public async Task There_is_only_one_authoritative_site_for_each_practice(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        await Assert.ThrowsAnyAsync<Exception>(() => practice.AddSiteAsync(practice.LinkId, authoritative: true));
        await practice.AddSiteAsync(practice.LinkId, authoritative: false);
    }

    [Fact]
    public void A_data_directory_that_cannot_be_written_is_named_with_the_remedy()
    {
        var file = Path.GetTempFileName();
        try
        {
            var e = Assert.Throws<StartupException>(() => DataDirectory.Prepare(Path.Combine(file, "data")));
            Assert.Contains(Path.Combine(file, "data"), e.Message, StringComparison.Ordinal);
            Assert.Contains("Halo:DataDirectory", e.Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void A_new_data_directory_is_readable_by_its_owner_alone()
    {
        var parent = Directory.CreateTempSubdirectory("halo-dir-").FullName;
        var made = DataDirectory.Prepare(Path.Combine(parent, "data"));
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(made.Path));
        Assert.Empty(Directory.GetFiles(made.Path));
        Directory.Delete(parent, recursive: true);
    }

    [Fact]
    public async Task A_PostgreSQL_that_is_not_there_is_named_with_the_setting_and_without_the_password()
    {
        await using var database = new PostgresDatabase("Host=127.0.0.1;Port=1;Username=x;Password=secret-word", TimeProvider.System);
        var e = await Assert.ThrowsAsync<StartupException>(() => database.MigrateAsync());
        Assert.Contains("Halo:Storage:ConnectionString", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret-word", e.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_malformed_connection_string_is_not_repeated()
    {
        var e = Assert.Throws<StartupException>(() => new PostgresDatabase("Server=x;Nonsense=secret-word", TimeProvider.System));
        Assert.Contains("Halo:Storage:ConnectionString", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret-word", e.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_PostgreSQL_that_would_lose_commits_is_refused()
    {
        var server = await postgres.GetAsync();
        var settings = new NpgsqlConnectionStringBuilder(await server.CreateDatabaseAsync()) { Options = "-c synchronous_commit=off" };
        await using var database = new PostgresDatabase(settings.ConnectionString, TimeProvider.System);
        var e = await Assert.ThrowsAsync<StartupException>(() => database.MigrateAsync());
        Assert.Contains("synchronous_commit", e.Message, StringComparison.Ordinal);
    }
}

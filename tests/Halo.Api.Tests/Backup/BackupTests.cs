using System.Formats.Tar;
using System.Text;
using Halo.Api.Backup;
using Halo.Api.Basics;
using Halo.Api.Ledger;
using Halo.Api.Ledger.Records;
using Halo.Api.Storage;
using Halo.Api.Storage.Sqlite;
using Halo.Api.Tests.Ledger;
using Halo.Api.Tests.Storage;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Tests.Backup;

public sealed class BackupTests(SharedPostgres postgres) : IDisposable
{
    readonly DirectoryInfo _other = Directory.CreateTempSubdirectory("halo-restore-");

    public void Dispose() => _other.Delete(recursive: true);

    [Fact]
    public async Task What_was_final_comes_back_with_its_pages_and_what_was_open_is_never_given_out_again()
    {
        await using var store = await TestStore.CreateAsync(StoreKind.Sqlite, postgres);
        var practice = await Practice.CreateAsync(store);
        await store.RunAsync("INSERT INTO api_keys (id, purpose, wrapped_key, created_at) VALUES (@id, 'signing', @key, 0)", ("id", Guid.NewGuid()), ("key", Encoding.UTF8.GetBytes("a key of the service")));
        var (done, content) = await WithPageAsync(store, practice);
        var claimed = await practice.AcceptAndClaimAsync();
        var queued = await practice.AcceptAsync();
        var sent = await practice.SendAsync();
        var file = Path.Combine(_other.FullName, "halo.tar");
        await new BackupCommand(store.Directory).RunAsync(file);
        Assert.False(Encoding.UTF8.GetString(await File.ReadAllBytesAsync(file)).Contains("a key of the service", StringComparison.Ordinal));

        var target = DataDirectory.Prepare(Path.Combine(_other.FullName, "data"));
        Assert.Equal((3, 1), await new RestoreCommand(target, store.Time).RunAsync(file));
        await using var database = new SqliteDatabase(target.File("halo.db"), store.Time);
        await database.MigrateAsync();
        var pages = new Halo.Api.Results.Pages.FilePageStore(target, store.Time, Microsoft.Extensions.Logging.Abstractions.NullLogger<Halo.Api.Results.Pages.FilePageStore>.Instance);
        var ledger = new TestLedger(database, store.Keys, pages, new(), store.Time);
        foreach (var id in new[] { claimed.QueryId, queued.Id, sent.Id })
        {
            var open = (await ledger.FindAsync(practice.IntegratorId, practice.SiteId, id))!;
            Assert.Equal((QueryStatus.ExecutionFailed, Executed.Unknown, FailureCodes.Restored), (open.Status, open.Executed, open.FailureCode));
        }
        Assert.Empty(await ledger.ClaimAsync(practice.Session, 10));
        Assert.False((await ledger.SettleClaimAsync(claimed.QueryId, claimed.ClaimId, new(QueryStatus.ExecutionFailed, Mover.Link) { Executed = Executed.No })).Moved);
        var kept = (await ledger.FindAsync(practice.IntegratorId, practice.SiteId, done))!;
        Assert.Equal(QueryStatus.Successful, kept.Status);
        await using var page = await pages.OpenReadAsync(ledger.Store.KeyOf(kept), 1, kept.Pages[0].Digest, default);
        using var reader = new StreamReader(page!);
        Assert.Equal(content, await reader.ReadToEndAsync());
        Assert.Equal("ok", (await database.ReadAsync(r => r.GetString(0), "PRAGMA integrity_check"))[0]);
    }

    [Fact]
    public async Task A_restore_overwrites_nothing()
    {
        await using var store = await TestStore.CreateAsync(StoreKind.Sqlite, postgres);
        var file = Path.Combine(_other.FullName, "halo.tar");
        await new BackupCommand(store.Directory).RunAsync(file);
        await Assert.ThrowsAsync<StartupException>(() => new BackupCommand(store.Directory).RunAsync(file));
        await Assert.ThrowsAsync<StartupException>(() => new RestoreCommand(store.Directory, store.Time).RunAsync(file));
    }

    [Fact]
    public async Task A_file_that_is_no_backup_or_leads_elsewhere_is_refused_and_leaves_no_store()
    {
        await using var store = await TestStore.CreateAsync(StoreKind.Sqlite, postgres);
        var file = Path.Combine(_other.FullName, "evil.tar");
        await using (var tar = new TarWriter(File.Create(file)))
        {
            await tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, "pages/../../stolen") { DataStream = new MemoryStream([1]) });
        }
        var target = DataDirectory.Prepare(Path.Combine(_other.FullName, "data"));
        await Assert.ThrowsAsync<StartupException>(() => new RestoreCommand(target, store.Time).RunAsync(file));
        Assert.False(File.Exists(Path.Combine(_other.FullName, "stolen")));
        Assert.False(File.Exists(target.File("halo.db")));
    }

    [Theory, OnBothStores]
    public async Task A_store_that_was_put_back_by_other_means_can_be_settled(StoreKind kind)
    {
        await using var store = await TestStore.CreateAsync(kind, postgres);
        var practice = await Practice.CreateAsync(store);
        var queued = await practice.AcceptAsync();
        var uploading = await practice.AcceptAndClaimAsync();
        Assert.Equal(2, await RestoredLedger.SettleAsync(store.Database, store.Time));
        Assert.Equal(0, await RestoredLedger.SettleAsync(store.Database, store.Time));
        Assert.Equal(QueryStatus.ExecutionFailed, await practice.StatusAsync(queued.Id));
        Assert.Equal(QueryStatus.ExecutionFailed, await practice.StatusAsync(uploading.QueryId));
        Assert.Equal(0, await store.CountAsync("SELECT COUNT(*) FROM query_commands"));
    }

    static async Task<(Guid Id, string Content)> WithPageAsync(TestStore store, Practice practice)
    {
        var claim = await practice.AcceptAndClaimAsync();
        var key = (await store.Ledger.Manifest.KeyForUploadAsync(practice.LinkId, claim.QueryId, claim.ClaimId))!;
        const string content = "the page's bytes";
        var bytes = Encoding.UTF8.GetBytes(content);
        var digest = Convert.ToBase64String(System.Security.Cryptography.SHA256.HashData(bytes));
        await store.Pages.WriteAsync(key, 1, new MemoryStream(bytes), digest, default);
        await store.Ledger.AddPageAsync(claim.ClaimId, new(claim.QueryId, 1, 0, 1, bytes.Length, bytes.Length, digest));
        await store.Ledger.CompleteAsync(claim.QueryId, claim.ClaimId, new Report(claim.ClaimId, ReportKind.Complete) { PageCount = 1, Rows = 1, Digest = Manifest.DigestOf([digest]) });
        return (claim.QueryId, content);
    }
}

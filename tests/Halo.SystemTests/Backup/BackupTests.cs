using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Halo.Contracts.Queries;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Backup;

/// <summary>What a backup holds, and what a restore does to work that went on after it.</summary>
public sealed class BackupTests
{
    const int Writes = 100;

    [Fact]
    public async Task Writes_that_were_claimed_after_the_backup_never_run_a_second_time()
    {
        await using var house = await BackupHouse.OpenAsync();
        await house.Link.Process.KillAsync();
        var queued = new List<Guid>();
        for (var i = 0; i < Writes; i++)
            queued.Add((await house.Integrator.QueueAsync(house.Site.Id, $"INSERT INTO counting VALUES ({i})", "nonQuery")).Query.Id);
        await house.BackUpAsync(house.File("early.tar"));
        await house.Link.StartAsync();
        foreach (var id in queued)
            Assert.Equal(QueryStatus.Successful, (await house.Integrator.WhenFinalAsync(house.Site.Id, id)).Status);
        Assert.Equal((Writes, Writes), house.Count());

        await house.LoseAndRestoreAsync(house.File("early.tar"));
        foreach (var id in queued)
        {
            var query = await house.Integrator.FindAsync(house.Site.Id, id);
            Assert.Equal((QueryStatus.ExecutionFailed, Executed.Unknown, "Restored"), (query.Status, query.Executed, query.ErrorDetails?.Code));
        }
        await house.Link.WhenOnlineAsync();
        // What is queued is given out in order: had one of the others been among it, it would have come before this.
        var last = (await house.Integrator.QueueAsync(house.Site.Id, $"INSERT INTO counting VALUES ({Writes})", "nonQuery")).Query.Id;
        Assert.Equal(QueryStatus.Successful, (await house.Integrator.WhenFinalAsync(house.Site.Id, last)).Status);
        Assert.Equal((Writes + 1, Writes + 1), house.Count());
        foreach (var id in queued)
            Assert.Equal("Restored", (await house.Integrator.FindAsync(house.Site.Id, id)).ErrorDetails?.Code);
    }

    [Fact]
    public async Task A_write_with_an_idempotency_key_of_after_the_backup_never_runs_a_second_time()
    {
        await using var house = await BackupHouse.OpenAsync();
        await house.BackUpAsync(house.File("early.tar"));
        var (immediate, queued) = ($"integrator/sites/{house.Site.Id}/queries/immediate", $"integrator/sites/{house.Site.Id}/queries/async");
        Assert.Equal(HttpStatusCode.OK, (await WriteAsync(immediate, 1)).Status);
        Assert.Equal(QueryStatus.Successful, (await house.Integrator.WhenFinalAsync(house.Site.Id, (await WriteAsync(queued, 2)).Query.Id)).Status);
        Assert.Equal(Executed.No, (await WriteAsync(immediate, 3, "INSERT INTO nowhere VALUES (3)")).Query.Executed);
        Assert.Equal((2, 2), house.Count());

        await house.LoseAndRestoreAsync(house.File("early.tar"));
        await house.Link.WhenOnlineAsync();
        var repeated = await WriteAsync(immediate, 1);
        Assert.Equal((HttpStatusCode.Conflict, Executed.Yes, "AlreadyExecuted"), (repeated.Status, repeated.Query.Executed, repeated.Query.ErrorDetails?.Code));
        var again = await house.Integrator.WhenFinalAsync(house.Site.Id, (await WriteAsync(queued, 2)).Query.Id);
        Assert.Equal((QueryStatus.ExecutionFailed, Executed.Yes, "AlreadyExecuted"), (again.Status, again.Executed, again.ErrorDetails?.Code));
        // By the other way, too: one key, one write.
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await WriteAsync(queued, 1)).Status);
        Assert.Equal((2, 2), house.Count());

        // What the database did not do may be done now.
        Assert.Equal(HttpStatusCode.OK, (await WriteAsync(immediate, 3)).Status);
        Assert.Equal((3, 3), house.Count());
        // The restarted Link has not forgotten either.
        await house.LoseAndRestoreAsync(house.File("early.tar"));
        await house.Link.Process.KillAsync();
        await house.Link.StartAsync();
        Assert.Equal("AlreadyExecuted", (await WriteAsync(immediate, 3)).Query.ErrorDetails?.Code);
        Assert.Equal((3, 3), house.Count());

        Task<Answer> WriteAsync(string path, int id, string? sql = null) => house.Integrator.SendAsync(HttpMethod.Post, path,
            IntegratorClient.Body(sql ?? $"INSERT INTO counting VALUES ({id})", "nonQuery"), ("Idempotency-Key", $"write {id}"));
    }

    [Fact]
    public async Task A_backup_under_load_holds_every_page_of_its_manifest_and_no_key_and_its_results_are_whole_when_restored()
    {
        await using var house = await BackupHouse.OpenAsync();
        using var over = new CancellationTokenSource();
        var asked = new ConcurrentQueue<Guid>();
        var load = Enumerable.Range(0, 3).Select(n => Task.Run(async () =>
        {
            for (var i = 0; !over.IsCancellationRequested; i++)
            {
                var id = (await house.Integrator.QueueAsync(house.Site.Id, Sql.Generated("sqlite", 20_000))).Query.Id;
                asked.Enqueue(id);
                await house.Integrator.ImmediateAsync(house.Site.Id, $"INSERT INTO counting VALUES ({n * 100_000 + i})", "nonQuery");
                await house.Integrator.WhenFinalAsync(house.Site.Id, id);
            }
        })).ToList();
        await Eventually.BecomesAsync(() => Task.FromResult(asked.Count), count => count > 6);
        string last = "";
        for (var i = 0; i < 3; i++)
        {
            last = house.File($"{i}.tar");
            await house.BackUpAsync(last);
            var (named, held) = house.PagesOf(last);
            Assert.NotEmpty(named);
            Assert.Empty(named.Except(held));
        }
        await over.CancelAsync();
        await Task.WhenAll(load);

        var bytes = await File.ReadAllBytesAsync(last);
        var master = (await File.ReadAllTextAsync(Path.Combine(house.Fixture.Api.DataDirectory, "master.key"))).Trim();
        foreach (var secret in new[] { Encoding.UTF8.GetBytes(master), Convert.FromBase64String(master), Encoding.UTF8.GetBytes(ApiProgram.AdminKey) })
            Assert.Equal(-1, bytes.AsSpan().IndexOf(secret));

        await house.LoseAndRestoreAsync(last);
        var whole = 0;
        foreach (var id in asked)
        {
            var answer = await house.Integrator.GetAsync($"integrator/sites/{house.Site.Id}/queries/{id}");
            if (answer.Status == HttpStatusCode.NotFound)
                continue;
            var query = answer.Query;
            if (query.Status != QueryStatus.Successful)
            {
                Assert.Equal((QueryStatus.ExecutionFailed, Executed.Unknown, "Restored"), (query.Status, query.Executed, query.ErrorDetails?.Code));
                continue;
            }
            var rows = 0;
            for (var page = 1; page <= query.Result!.Pages!.Count; page++)
            {
                using var content = await house.Integrator.PageAsync(house.Site.Id, id, page);
                rows += content.RootElement.GetArrayLength();
            }
            Assert.Equal(20_000, rows);
            whole++;
        }
        Assert.True(whole > 0, "Nothing that had ended was in the backup.");
    }

    [Fact]
    public async Task A_restore_overwrites_nothing_and_nothing_is_settled_beside_a_running_service()
    {
        await using var house = await BackupHouse.OpenAsync();
        await house.Link.Process.KillAsync();
        var queued = (await house.Integrator.QueueAsync(house.Site.Id, "INSERT INTO counting VALUES (1)", "nonQuery")).Query.Id;
        await house.BackUpAsync(house.File("b.tar"));
        foreach (var command in new string[][] { ["restore", house.File("b.tar")], ["restore", "--settle"], ["backup", house.File("b.tar")] })
        {
            var (code, output) = await house.RunAsync(command);
            Assert.True(code == 2, output);
        }
        Assert.Equal(QueryStatus.Queued, (await house.Integrator.FindAsync(house.Site.Id, queued)).Status);
        await house.Link.StartAsync();
        Assert.Equal(QueryStatus.Successful, (await house.Integrator.WhenFinalAsync(house.Site.Id, queued)).Status);

        await house.Fixture.Api.Process.KillAsync();
        var (refused, why) = await house.RunAsync("restore", house.File("b.tar"));
        Assert.True(refused == 2 && why.Contains("overwrites nothing", StringComparison.Ordinal), why);
        var (settled, said) = await house.RunAsync("restore", "--settle");
        Assert.True(settled == 0, said);
    }

    [Fact]
    public async Task A_store_whose_service_was_killed_while_it_wrote_is_whole_and_the_service_starts()
    {
        await using var house = await BackupHouse.OpenAsync();
        var acknowledged = new ConcurrentQueue<Guid>();
        for (var round = 0; round < 3; round++)
        {
            var before = acknowledged.Count;
            var load = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
            {
                try
                {
                    while (true)
                    {
                        if (await house.Integrator.QueueAsync(house.Site.Id, "SELECT 1") is { Status: HttpStatusCode.Created } answer)
                            acknowledged.Enqueue(answer.Query.Id);
                    }
                }
                catch (HttpRequestException)
                {
                    // It was killed.
                }
            })).ToList();
            await Eventually.BecomesAsync(() => Task.FromResult(acknowledged.Count), count => count > before + 40);
            await house.Fixture.Api.Process.KillAsync();
            await Task.WhenAll(load);
            Assert.Equal("ok", BackupHouse.Integrity(Path.Combine(house.Fixture.Api.DataDirectory, "halo.db")));
            await house.Fixture.Api.StartAsync();
        }
        foreach (var id in acknowledged)
            Assert.Equal(HttpStatusCode.OK, (await house.Integrator.GetAsync($"integrator/sites/{house.Site.Id}/queries/{id}")).Status);
    }
}

using Halo.Contracts.Queries;

namespace Halo.Client.Tests.Programs;

/// <summary>Several commands in one transaction, with the real programs.</summary>
public abstract class BatchTests(House house)
{
    readonly string _table = $"batch_{Guid.NewGuid():N}";

    HaloSite Site => house.Practice.Site;

    [Fact]
    public async Task Results_come_in_order_each_as_its_own_rows()
    {
        await MakeTableAsync();
        var name = "O'Ω";
        var results = await Site.RunAsync(new HaloBatch { Isolation = IsolationLevel.Serializable }
            .Execute(HaloCommand.Text(Insert).With("id", 1).With("name", name))
            .Query(HaloCommand.Text(Select))
            .Execute(HaloCommand.Text(Delete)));
        Assert.Equal((3, 1L, -1L, 1L), (results.Count, results.RowsAffected(0), results.RowsAffected(1), results.RowsAffected(2)));
        Assert.Equal([(1, name)], await results.RowsAsync<(int, string)>(1, TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<InvalidOperationException>(() => results.RowsAsync<int>(0));
        Assert.Equal(QueryStatus.Successful, results.Query.Status);
    }

    [Fact]
    public async Task A_thousand_that_differ_by_their_values_are_one_batch()
    {
        await MakeTableAsync();
        var batch = new HaloBatch();
        for (var i = 0; i < 1000; i++)
            batch.Execute(HaloCommand.Text(Insert).With("id", i).With("name", $"n{i}"));
        var results = await Site.RunAsync(batch, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(1000, results.Count);
        Assert.Equal(1000, await CountAsync());
    }

    [Fact]
    public async Task One_that_fails_takes_all_back_and_says_which()
    {
        await MakeTableAsync();
        var failure = await Assert.ThrowsAsync<HaloException>(() => Site.RunAsync(new HaloBatch()
            .Execute(HaloCommand.Text(Insert).With("id", 1).With("name", "a"))
            .Query($"SELECT 1")
            .Execute(HaloCommand.Text(Insert).With("id", 1).With("name", "b"))));
        Assert.Equal((Executed.No, 2), (failure.Executed, failure.Query?.ErrorDetails?.Index));
        Assert.NotNull(failure.IdempotencyKey);
        Assert.Equal(0, await CountAsync());
        await Assert.ThrowsAsync<ArgumentException>(() => Site.RunAsync(new HaloBatch()));
    }

    [Fact]
    public async Task With_the_same_key_it_runs_once()
    {
        await MakeTableAsync();
        var options = new HaloQueryOptions { IdempotencyKey = _table };
        HaloBatch Batch() => new HaloBatch().Execute(HaloCommand.Text(Insert).With("id", 1).With("name", "a")).Query(HaloCommand.Text(Select));
        var first = await Site.RunAsync(Batch(), options);
        var second = await Site.RunAsync(Batch(), options);
        Assert.Equal(first.Query.Id, second.Query.Id);
        Assert.Equal([(1, "a")], await second.RowsAsync<(int, string)>(1, TestContext.Current.CancellationToken));
        Assert.Equal(1, await CountAsync());
    }

    string Insert => "INSERT INTO " + _table + " VALUES (@id, @name)";

    string Select => "SELECT id, name FROM " + _table;

    string Delete => "DELETE FROM " + _table;

    Task<long> MakeTableAsync() => Site.ExecuteAsync(HaloCommand.Text("CREATE TABLE " + _table + " (id int PRIMARY KEY, name text)"));

    Task<long> CountAsync() => Site.ScalarAsync<long>(HaloCommand.Text("SELECT count(*) FROM " + _table));
}

public sealed class SqliteBatchTests(SqliteHouse house) : BatchTests(house), IClassFixture<SqliteHouse>;

public sealed class PostgresBatchTests(PostgresHouse house) : BatchTests(house), IClassFixture<PostgresHouse>;

using Halo.Contracts.Queries;

namespace Halo.Client.Tests.Programs;

/// <summary>Commands that are described and not run, with the real programs.</summary>
public abstract class DescribeTests(House house)
{
    readonly string _table = $"described_{Guid.NewGuid():N}";

    HaloSite Site => house.Practice.Site;

    [Fact]
    public async Task Columns_and_parameters_come_and_nothing_runs()
    {
        await Site.ExecuteAsync(HaloCommand.Text("CREATE TABLE " + _table + " (id int, name varchar(40))"), cancellationToken: TestContext.Current.CancellationToken);
        var description = await Site.DescribeAsync(HaloCommand.Text("INSERT INTO " + _table + " (id, name) VALUES (@id, @name) RETURNING id, name"), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(["id", "name"], description.Columns.Select(c => c.Name));
        Assert.Equal([SqlType.Int, SqlType.NVarChar], description.Columns.Select(c => c.Type));
        Assert.Equal(["@id", "@name"], description.Parameters.Select(p => p.Name));
        Assert.Equal(0, await Site.ScalarAsync<long>(HaloCommand.Text("SELECT count(*) FROM " + _table), cancellationToken: TestContext.Current.CancellationToken));
        var failure = await Assert.ThrowsAsync<HaloException>(() => Site.DescribeAsync(HaloCommand.Text("SELECT * FROM nowhere_at_all")));
        Assert.Equal(Executed.No, failure.Executed);
        Assert.Contains("nowhere_at_all", failure.Message, StringComparison.Ordinal);
    }
}

public sealed class SqliteDescribeTests(SqliteHouse house) : DescribeTests(house), IClassFixture<SqliteHouse>;

public sealed class PostgresDescribeTests(PostgresHouse house) : DescribeTests(house), IClassFixture<PostgresHouse>;

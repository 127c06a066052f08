using LinqToDB;
using LinqToDB.Async;
using LinqToDB.Data;
using LinqToDB.DataProvider;
using LinqToDB.DataProvider.PostgreSQL;
using LinqToDB.DataProvider.SQLite;

namespace Halo.Data.Tests.Programs;

/// <summary>SQL that LINQ to DB builds for the practice's database, over the provider's connection.</summary>
public abstract class LinqTests(SharedPractice practice) : ProviderTests(practice)
{
    sealed class Recall
    {
        public long Id { get; set; }

        public string? Name { get; set; }

        public decimal? Fee { get; set; }

        public DateTime? At { get; set; }
    }

    IDataProvider Dialect => IsPostgres ? PostgreSQLTools.GetDataProvider(PostgreSQLVersion.v15) : SQLiteTools.GetDataProvider(SQLiteProvider.Microsoft);

    [Fact]
    public async Task Queries_that_are_built_are_run_and_mapped()
    {
        await using var connection = await OpenAsync();
        await DoAsync(connection, IsPostgres
            ? $"CREATE TABLE {Table} (\"Id\" bigint, \"Name\" text, \"Fee\" decimal(10,2), \"At\" timestamp)"
            : $"CREATE TABLE {Table} (Id bigint, Name text, Fee decimal(10,2), At timestamp)");
        await using var db = new DataConnection(new DataOptions().UseConnection(Dialect, connection));
        var recalls = db.GetTable<Recall>().TableName(Table);
        var at = new DateTime(2026, 3, 5, 14, 30, 0);
        for (var i = 1; i <= 5; i++)
            Assert.Equal(1, await db.InsertAsync(new Recall { Id = i, Name = i == 3 ? null : $"O'Name {i}", Fee = i * 0.5m, At = i % 2 == 0 ? at.AddDays(i) : null }, Table));
        var (from, like) = (2L, "O'Name");
        var found = await recalls.Where(r => r.Id >= from && r.Name!.StartsWith(like)).OrderByDescending(r => r.Id).Take(2).ToListAsync();
        Assert.Equal([(5L, "O'Name 5", 2.5m, null), (4L, "O'Name 4", 2.0m, at.AddDays(4))], found.Select(r => (r.Id, r.Name!, r.Fee!.Value, r.At)));
        Assert.Equal(2, await recalls.CountAsync(r => r.At > at));
        Assert.Equal(5, await recalls.Set(r => r.Fee, r => r.Fee + 1).UpdateAsync());
        Assert.Equal(12.5m, await recalls.SumAsync(r => r.Fee));
        Assert.Equal([2L, 3L], (await recalls.Where(r => new long[] { 2, 3 }.Contains(r.Id)).Select(r => r.Id).ToListAsync()).Order());
        Assert.Equal(4, await recalls.DeleteAsync(r => r.Id > 1));
    }
}

public sealed class SqliteLinqTests(SqlitePractice practice) : LinqTests(practice), IClassFixture<SqlitePractice>;

public sealed class PostgresLinqTests(PostgresPractice practice) : LinqTests(practice), IClassFixture<PostgresPractice>;

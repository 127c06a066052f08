using Halo.Contracts.Sites;

namespace Halo.Client.Tests.Programs;

/// <summary>What a site's database has, with the real programs.</summary>
public abstract class SchemaTests(House house)
{
    readonly string _table = $"schema_{Guid.NewGuid():N}";

    HaloSite Site => house.Practice.Site;

    [Fact]
    public async Task Tables_come_with_their_columns_and_keys_and_are_read_again_on_request()
    {
        var stop = TestContext.Current.CancellationToken;
        await Site.ExecuteAsync(HaloCommand.Text("CREATE TABLE " + _table + " (id int NOT NULL PRIMARY KEY, name varchar(40) DEFAULT 'x')"), cancellationToken: stop);
        await Site.ExecuteAsync(HaloCommand.Text("CREATE INDEX by_" + _table + " ON " + _table + " (name)"), cancellationToken: stop);
        var schema = await Site.SchemaAsync(refresh: true, cancellationToken: stop);
        var table = schema.Tables.Single(t => t.Name == _table);
        Assert.Equal(SchemaTableKind.Table, table.Kind);
        Assert.Equal([("id", false), ("name", true)], table.Columns.Select(c => (c.Name, c.Nullable)));
        Assert.Equal(["id"], table.PrimaryKey!.Columns);
        Assert.Equal([("by_" + _table, "name", false)], table.Indexes!.Select(i => (i.Name!, i.Columns.Single(), i.Unique)));

        await Site.ExecuteAsync(HaloCommand.Text("ALTER TABLE " + _table + " ADD COLUMN born date"), cancellationToken: stop);
        Assert.Equal((schema.Hash, schema.ReadAt), await StateAsync(refresh: false));
        var (hash, readAt) = await StateAsync(refresh: true);
        Assert.NotEqual(schema.Hash, hash);
        Assert.True(readAt > schema.ReadAt);
        Assert.Equal("born", (await Site.SchemaAsync(house.Practice.Info.Catalogue!.Single(c => c.IsDefault).Name, cancellationToken: stop)).Tables.Single(t => t.Name == _table).Columns[^1].Name);
        await Assert.ThrowsAsync<HaloException>(() => Site.SchemaAsync("none & nowhere"));

        async Task<(string, DateTimeOffset)> StateAsync(bool refresh) => await Site.SchemaAsync(refresh: refresh, cancellationToken: stop) is var s ? (s.Hash, s.ReadAt) : default;
    }
}

public sealed class SqliteSchemaTests(SqliteHouse house) : SchemaTests(house), IClassFixture<SqliteHouse>;

public sealed class PostgresSchemaTests(PostgresHouse house) : SchemaTests(house), IClassFixture<PostgresHouse>;

using System.Data.Common;
using Halo.Testing;
using Halo.Testing.Processes;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Halo.SystemTests.Endings;

/// <summary>What the API has learnt when it is stopped in order is in its store.</summary>
public sealed class OrderlyStopTests(SharedPostgres postgres)
{
    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task That_a_Link_has_stopped_is_stored_by_an_API_that_is_stopped_right_after_it(string storedIn)
    {
        await using var fixture = HaloFixture.Create();
        var store = storedIn == "sqlite" ? null : await postgres.Server.CreateDatabaseAsync();
        if (store is not null)
        {
            fixture.Api.Settings["Halo__Storage__ConnectionString"] = store;
            fixture.Api.Settings["Halo__Encryption__MasterKey"] = Convert.ToBase64String(new byte[32]);
        }
        await fixture.Api.StartAsync();
        var link = fixture.AddLink(new LinkSite("sqlite", fixture.SqliteFile()));
        await link.StartAsync();

        link.Process.Terminate();
        Assert.Equal(0, await link.Process.Exited);
        fixture.Api.Process.Terminate();
        Assert.Equal(0, await fixture.Api.Process.Exited);

        await using DbConnection connection = store is not null ? new NpgsqlConnection(store)
            : new SqliteConnection($"Data Source={Path.Combine(fixture.Api.DataDirectory, "halo.db")};Mode=ReadOnly;Pooling=False");
        await connection.OpenAsync();
        Assert.Equal("offline", await ReadAsync("SELECT contact FROM site_contacts ORDER BY at DESC LIMIT 1"));
        Assert.Equal("0", await ReadAsync("SELECT COUNT(*) FROM link_sessions"));
        Assert.Equal("1", await ReadAsync("SELECT COUNT(*) FROM links WHERE closed_in_order"));

        async Task<string?> ReadAsync(string sql)
        {
            await using var command = connection.CreateCommand();
            command.CommandText = sql;
            return (await command.ExecuteScalarAsync())?.ToString();
        }
    }
}

using System.Data.Common;
using System.Net;
using System.Text.Json;
using Halo.Contracts.Queries;
using Halo.Testing;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Halo.SystemTests.Synthea;

/// <summary>Real input that this project did not make: each value of each table, through Halo and straight from the driver.</summary>
public sealed class SyntheaTests(SyntheaHouse house) : IClassFixture<SyntheaHouse>
{
    public const string Absent = "The Synthea sample was not found: put it at ../shared/data/synthea beside the repository, or let HALO_SHARED name the directory shared.";

    public static TheoryData<string, string> Tables
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var engine in (string[])["sqlite", "postgres"])
                foreach (var table in SyntheaHouse.Data is null ? [] : Directory.GetFiles(SyntheaHouse.Data, "*.csv").Order().Select(Path.GetFileNameWithoutExtension))
                    data.Add(engine, table!);
            data.Add("sqlite", Oddities.Name);
            data.Add("postgres", Oddities.Name);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Tables))]
    public async Task An_immediate_query_brings_every_value_of_a_table(string engine, string table)
    {
        SkipWhereMissing(engine);
        var answer = await house.Integrator.ImmediateAsync(house.Sites[engine].Id, Sql(table));

        Assert.True(answer.Status == HttpStatusCode.OK, answer.Status + " " + answer.Body[..Math.Min(500, answer.Body.Length)]);
        using var rows = JsonDocument.Parse(Convert.FromBase64String(answer.Query.Result!.Data!));
        var count = await CompareAsync(engine, table, rows.RootElement.EnumerateArray());
        Assert.Equal(count, answer.Query.Result.Rows);
    }

    [Theory]
    [MemberData(nameof(Tables))]
    public async Task An_async_query_brings_every_value_of_a_table(string engine, string table)
    {
        SkipWhereMissing(engine);
        var site = house.Sites[engine].Id;
        var queued = await house.Integrator.QueueAsync(site, Sql(table));
        Assert.Equal(HttpStatusCode.Created, queued.Status);
        var query = await house.Integrator.WhenFinalAsync(site, queued.Query.Id);
        Assert.True(query.Status == QueryStatus.Successful, $"{query.Status}: {query.ErrorDetails}");

        var pages = query.Result!.Pages!;
        Assert.Equal(Enumerable.Range(1, pages.Count), pages.Select(p => p.PageNumber));
        var documents = new List<JsonDocument>();
        long expected = 0;
        foreach (var page in pages)
        {
            documents.Add(await house.Integrator.PageAsync(site, query.Id, page.PageNumber));
            Assert.Equal(expected, page.Rows.RangeStart);
            Assert.Equal(documents[^1].RootElement.GetArrayLength(), page.Rows.Count);
            expected += page.Rows.Count;
        }
        var count = await CompareAsync(engine, table, documents.SelectMany(d => d.RootElement.EnumerateArray()));
        Assert.Equal(count, query.Result.Rows);
        documents.ForEach(d => d.Dispose());
    }

    /// <returns>The number of rows.</returns>
    async Task<long> CompareAsync(string engine, string table, IEnumerable<JsonElement> rows)
    {
        await using DbConnection connection = engine == "sqlite"
            ? new SqliteConnection(house.SqliteConnectionString) : new NpgsqlConnection(house.PostgresConnectionString);
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = Sql(table);
        await using var reader = await command.ExecuteReaderAsync();
        long count = 0;
        foreach (var row in rows)
        {
            Assert.True(await reader.ReadAsync(), $"The answer has more than the {count} rows of the database.");
            count++;
            var i = 0;
            foreach (var property in row.EnumerateObject())
            {
                Assert.Equal(reader.GetName(i), property.Name);
                var expected = reader.GetFieldType(i) == typeof(DateTime) && reader.GetDataTypeName(i) == "date" && !reader.IsDBNull(i)
                    ? reader.GetFieldValue<DateOnly>(i) : reader.GetValue(i);
                if (!JsonComparison.Same(expected, property.Value))
                    Assert.Fail($"{table}, row {count}, {property.Name}: expected {JsonComparison.Expected(expected)}, got {property.Value.GetRawText()}");
                i++;
            }
            Assert.Equal(reader.FieldCount, i);
        }
        Assert.False(await reader.ReadAsync(), $"The answer ends after {count} rows, the database has more.");
        return count;
    }

    static string Sql(string table) => $"SELECT * FROM {table} ORDER BY row_no";

    static void SkipWhereMissing(string engine)
    {
        Assert.SkipWhen(SyntheaHouse.Data is null, Absent);
        Assert.SkipWhen(engine == "postgres" && PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
    }
}

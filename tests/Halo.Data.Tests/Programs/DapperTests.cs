using System.Data;
using Dapper;

namespace Halo.Data.Tests.Programs;

/// <summary>Dapper's forms of queries.</summary>
public abstract class DapperTests(SharedPractice practice) : ProviderTests(practice)
{
    enum Kind
    {
        Adult = 1,
        Child = 2,
    }

    sealed record Patient(long Id, string Name);

    sealed record Person(long Patient, string Name);

    sealed class Visit
    {
        public long Id { get; set; }

        public string? Note { get; set; }

        public decimal? Fee { get; set; }

        public DateTime? At { get; set; }

        public bool Paid { get; set; }

        public Kind Kind { get; set; }

        public Person? Patient { get; set; }
    }

    sealed class Numbered
    {
        public int Id { get; set; }

        public string Name { get; set; } = "";

        public decimal Amount { get; set; }

        public long? Third { get; set; }
    }

    async Task<HaloDbConnection> FilledAsync()
    {
        var connection = await OpenAsync();
        await DoAsync(connection, $"CREATE TABLE {Table} (id bigint, note text, fee decimal(10,2), at timestamp, paid boolean, kind int)");
        Assert.Equal(3, await connection.ExecuteAsync($"INSERT INTO {Table} VALUES (@Id, @Note, @Fee, @At, @Paid, @Kind)", new[]
        {
            new Visit { Id = 1, Note = "first", Fee = 12.50m, At = new(2026, 3, 5, 14, 30, 0), Paid = true, Kind = Kind.Adult },
            new Visit { Id = 2, Kind = Kind.Child },
            new Visit { Id = 3, Note = "it's \"third\"", Fee = 0.10m },
        }));
        return connection;
    }

    [Fact]
    public async Task Rows_become_objects_in_every_way()
    {
        await using var connection = await FilledAsync();
        var sql = $"SELECT * FROM {Table} WHERE id >= @from ORDER BY id";
        var all = (await connection.QueryAsync<Visit>(sql, new { from = 1 })).AsList();
        Assert.Equal((1, "first", 12.50m, new DateTime(2026, 3, 5, 14, 30, 0), true, Kind.Adult), (all[0].Id, all[0].Note, all[0].Fee, all[0].At, all[0].Paid, all[0].Kind));
        Assert.Equal((2, null, null, null, false, Kind.Child), (all[1].Id, all[1].Note, all[1].Fee, all[1].At, all[1].Paid, all[1].Kind));
        Assert.Equal(3, connection.Query<Visit>(sql, new { from = 1L }, buffered: false).Count());
        Assert.Equal("first", (await connection.QueryAsync(sql, new { from = 1 })).First().note);
        Assert.Equal((1L, "first"), await connection.QueryFirstAsync<(long, string)>($"SELECT id, note FROM {Table} ORDER BY id"));
        Assert.Equal(new Patient(3, "it's \"third\""), await connection.QuerySingleAsync<Patient>($"SELECT id, note AS name FROM {Table} WHERE id = @Id", new Patient(3, "")));
        Assert.Null(await connection.QuerySingleOrDefaultAsync<Visit>(sql, new { from = 9 }));
        Assert.Throws<InvalidOperationException>(() => connection.QuerySingle<Visit>(sql, new { from = 1 }));
        Assert.Equal([1L, 3L], await connection.QueryAsync<long>($"SELECT id FROM {Table} WHERE id IN @ids ORDER BY id", new { ids = new[] { 1, 3, 5 } }));
        Assert.Equal(3, await connection.ExecuteScalarAsync<int>($"SELECT COUNT(*) FROM {Table}"));
        Assert.Equal(12.60m, await connection.ExecuteScalarAsync<decimal>($"SELECT SUM(fee) FROM {Table}"));
        var streamed = 0;
        await foreach (var visit in connection.QueryUnbufferedAsync<Visit>(sql, new { from = 2 }))
            streamed += (int)visit.Id;
        Assert.Equal(5, streamed);
    }

    [Fact]
    public async Task Several_results_of_one_text_are_read_where_it_is_split()
    {
        await using (var filled = await FilledAsync())
            Assert.Equal(3, await filled.ExecuteScalarAsync<int>($"SELECT COUNT(*) FROM {Table}"));
        await using var connection = new HaloDbConnection(ConnectionString + ";Split Statements=true");
        var sql = $"SELECT * FROM {Table} WHERE id >= @from ORDER BY id; -- a comment; with a semicolon\nUPDATE {Table} SET note = ';' WHERE id = @id; SELECT COUNT(*) FROM {Table} WHERE note = ';';";
        await using (var several = await connection.QueryMultipleAsync(sql, new { from = 2, id = 1 }))
        {
            Assert.Equal([2L, 3L], (await several.ReadAsync<Visit>()).Select(v => v.Id));
            Assert.Equal(1, await several.ReadSingleAsync<int>());
            Assert.True(several.IsConsumed);
        }
        Assert.Equal(3, await connection.ExecuteAsync($"DELETE FROM {Table} WHERE id = @id; DELETE FROM {Table} WHERE id > @from", new { from = 1, id = 1 }));
        Assert.Equal(0, await connection.ExecuteScalarAsync<int>($"INSERT INTO {Table} (id) VALUES (@id); DELETE FROM {Table}; SELECT COUNT(*) FROM {Table}", new { id = 1 }));
        // One that fails takes all back.
        Assert.Throws<HaloDbException>(() => connection.Execute($"INSERT INTO {Table} (id) VALUES (8); INSERT INTO nowhere VALUES (1)"));
        Assert.Equal(0, await connection.ExecuteScalarAsync<int>($"SELECT COUNT(*) FROM {Table};"));
    }

    [Fact]
    public async Task Joined_rows_become_objects_that_hold_each_other()
    {
        await using var connection = await FilledAsync();
        var joined = await connection.QueryAsync<Visit, Person, Visit>($"SELECT v.id, v.note, v.kind, p.id AS patient, p.note AS name FROM {Table} v JOIN {Table} p ON p.id = v.kind WHERE v.kind > 0 ORDER BY v.id",
            (visit, person) =>
            {
                visit.Patient = person;
                return visit;
            }, splitOn: "patient");
        Assert.Equal([(1L, 1L), (2L, 2L)], joined.Select(v => (v.Id, v.Patient!.Patient)));
    }

    [Fact]
    public async Task Readers_parameters_and_literals_are_taken()
    {
        await using var connection = await FilledAsync();
        var parameters = new DynamicParameters();
        parameters.Add("id", 1, DbType.Int32);
        parameters.Add("@note", "first", DbType.String, size: 4);
        Assert.Equal(1, await connection.ExecuteScalarAsync<int>($"SELECT COUNT(*) FROM {Table} WHERE id = @id AND note = @note", parameters));
        Assert.Equal(2, await connection.ExecuteScalarAsync<int>($"SELECT COUNT(*) FROM {Table} WHERE id > {{=least}}", new { least = 1 }));
        await using var reader = await connection.ExecuteReaderAsync($"SELECT id, note FROM {Table} ORDER BY id");
        using var table = new DataTable();
        table.Load(reader);
        Assert.Equal(3, table.Rows.Count);
        Assert.Equal(1, await connection.ExecuteAsync(new CommandDefinition($"DELETE FROM {Table} WHERE id = @id", new { id = 2 }, commandTimeout: 20)));
    }

    [Fact]
    public async Task Expressions_without_a_type_become_what_is_asked_for()
    {
        await using var connection = await OpenAsync();
        var rows = (await connection.QueryAsync<Numbered>(Numbers(12))).AsList();
        Assert.Equal(12, rows.Count);
        Assert.Equal((3, "Patient 3", 0.75m, 3), (rows[2].Id, rows[2].Name, rows[2].Amount, rows[2].Third));
        Assert.Equal((4, "Patient 4", 1.00m, null), (rows[3].Id, rows[3].Name, rows[3].Amount, rows[3].Third));
        Assert.Equal(1.25, (await connection.QueryAsync<double>("SELECT amount + 0.0 AS amount FROM (" + Numbers(12) + ") AS x")).ElementAt(4));
        // A closed connection is opened and closed again.
        await connection.CloseAsync();
        Assert.Equal(7, await connection.ExecuteScalarAsync<int>("SELECT 7"));
        Assert.Equal(ConnectionState.Closed, connection.State);
    }
}

public sealed class SqliteDapperTests(SqlitePractice practice) : DapperTests(practice), IClassFixture<SqlitePractice>;

public sealed class PostgresDapperTests(PostgresPractice practice) : DapperTests(practice), IClassFixture<PostgresPractice>;

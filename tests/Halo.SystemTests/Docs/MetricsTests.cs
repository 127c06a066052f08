using System.Globalization;
using System.Net;
using Halo.Contracts.Queries;

namespace Halo.SystemTests.Docs;

public sealed class MetricsOnSqlite(SqliteHouse house) : MetricsTests(house), IClassFixture<SqliteHouse>;

public sealed class MetricsOnPostgres(PostgresHouse house) : MetricsTests(house), IClassFixture<PostgresHouse>;

/// <summary>Where the time went, told by real programs, adds up.</summary>
public abstract class MetricsTests(House house)
{
    [Fact]
    public async Task The_phases_of_an_immediate_query_are_in_the_header_and_no_longer_than_the_query()
    {
        var answer = await house.Integrator.ImmediateAsync(house.Site.Id, Sql.Generated(house.Engine, 20_000));
        Assert.True(answer.Status == HttpStatusCode.OK, answer.ToString()[..Math.Min(300, answer.Body.Length)]);
        var query = answer.Query;
        var metrics = query.Metrics!;
        long?[] phases = [metrics.QueueDuration, metrics.LinkDuration, metrics.SqlExecutionDuration, metrics.EncodeDuration];
        Assert.All(phases, p => Assert.True(p >= 0));
        AssertFits(query, phases);
        var header = answer.Headers.GetValues("Server-Timing").Single().Split(", ").Select(p => p.Split(";dur=")).ToDictionary(p => p[0], p => p[1]);
        Assert.Equal(["queue", "link", "sql", "encode"], header.Keys);
        foreach (var (shown, told) in header.Values.Zip(phases))
            Assert.InRange(double.Parse(shown, CultureInfo.InvariantCulture) - told!.Value, -1, 1);
    }

    [Fact]
    public async Task The_phases_of_an_export_with_its_upload_are_no_longer_than_the_query()
    {
        var query = await house.ExportAsync(Sql.Generated(house.Engine, 50_000));
        var metrics = query.Metrics!;
        Assert.NotNull(metrics.UploadDuration);
        AssertFits(query, metrics.QueueDuration, metrics.LinkDuration, metrics.SqlExecutionDuration, metrics.EncodeDuration, metrics.UploadDuration);
    }

    /// <summary>Moments are whole milliseconds on the API's side, so the whole may be shown a little shorter than it was.</summary>
    static void AssertFits(Query query, params long?[] phases)
    {
        var whole = (query.CompletedAt!.Value - query.CreatedAt).TotalMilliseconds;
        Assert.True(phases.Sum(p => p ?? 0) <= whole + 2, $"{string.Join(" + ", phases)} > {whole}");
    }
}

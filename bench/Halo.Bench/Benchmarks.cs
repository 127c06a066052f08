using System.Net;
using Halo.Contracts.Queries;
using Halo.Testing.Processes;

namespace Halo.Bench;

/// <summary>The same work directly and through Halo, in turns within one run, so that both meet the same machine.</summary>
sealed class Benchmarks(Practice practice, HaloFixture fixture, LinkProgram link, Guid site, IntegratorClient integrator, TextWriter output)
{
    public async Task ImmediateAsync(int rounds, int callsPerRound)
    {
        foreach (var callers in (int[])[1, 32])
        {
            var (direct, halo) = (new Latencies(), new Latencies());
            // Warm: connections, tiered compilation.
            await new Latencies().MeasureAsync(callers, callsPerRound, practice.SelectOneAsync);
            await new Latencies().MeasureAsync(callers, callsPerRound, AskOneAsync);
            for (var round = 0; round < rounds; round++)
            {
                await direct.MeasureAsync(callers, callsPerRound, practice.SelectOneAsync);
                await halo.MeasureAsync(callers, callsPerRound, AskOneAsync);
            }
            Row($"SELECT 1, {callers} callers", "direct", direct);
            Row($"SELECT 1, {callers} callers", "Halo", halo);
        }
    }

    public async Task ExportAsync(int rounds, int rows)
    {
        var sql = practice.ExportSql(rows);
        double direct = 0, whole = 0, ready = 0;
        long bytes = 0, transferred = 0;
        for (var round = 0; round < rounds; round++)
        {
            var start = TimeProvider.System.GetTimestamp();
            if (await practice.ReadAllAsync(sql) != rows)
                throw new InvalidOperationException("The database gave another number of rows.");
            direct += TimeProvider.System.GetElapsedTime(start).TotalSeconds;

            start = TimeProvider.System.GetTimestamp();
            var query = await RunExportAsync(sql, rows);
            ready += TimeProvider.System.GetElapsedTime(start).TotalSeconds;
            bytes = query.ResultSize!.Value;
            transferred = await DownloadAsync(query);
            whole += TimeProvider.System.GetElapsedTime(start).TotalSeconds;
        }
        foreach (var (way, seconds) in ((string, double)[])[("direct", direct), ("Halo, result ready", ready), ("Halo, last byte", whole)])
            output.WriteLine($"| {practice.Engine} | {rows:N0} rows × 10, {bytes / 1e6:0} MB of JSON | {way} | {seconds / rounds:0.00} s | {rows * rounds / seconds:N0} rows/s | {bytes * rounds / seconds / 1e6:0.0} MB/s |");
        output.WriteLine($"| {practice.Engine} | on the wire {transferred / 1e6:0.0} MB (br) | peak memory | Link {link.Process.PeakResidentBytes / 1e6:0} MB | API {fixture.Api.Process.PeakResidentBytes / 1e6:0} MB | |");
    }

    async Task AskOneAsync()
    {
        var answer = await integrator.ImmediateAsync(site, "SELECT 1 AS one");
        if (answer.Status != HttpStatusCode.OK)
            throw new InvalidOperationException(answer.ToString());
    }

    async Task<Query> RunExportAsync(string sql, int rows)
    {
        var query = (await integrator.QueueAsync(site, sql)).Query;
        query = await integrator.WhenFinalAsync(site, query.Id, TimeSpan.FromMinutes(10));
        return query.Status == QueryStatus.Successful && query.Result!.Rows == rows
            ? query : throw new InvalidOperationException($"{query.Status}, {query.Result?.Rows} rows: {query.ErrorDetails}");
    }

    /// <summary>All pages as stored, four at a time.</summary>
    /// <returns>Bytes on the wire.</returns>
    async Task<long> DownloadAsync(Query query)
    {
        long bytes = 0;
        await Parallel.ForEachAsync(query.Result!.Pages!, new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (page, stop) =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"integrator/sites/{site}/queries/{query.Id}/results/{page.PageNumber}/stream");
            request.Headers.AcceptEncoding.ParseAdd("br");
            using var response = await integrator.Http.SendAsync(request, stop);
            response.EnsureSuccessStatusCode();
            Interlocked.Add(ref bytes, (await response.Content.ReadAsByteArrayAsync(stop)).Length);
        });
        return bytes;
    }

    void Row(string what, string way, Latencies times) => output.WriteLine(
        $"| {practice.Engine} | {what} | {way} | p50 {times.Percentile(0.5):0.000} ms | p99 {times.Percentile(0.99):0.000} ms | {times.PerSecond:N0}/s |");
}

using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Halo.Bench.Stands;
using Halo.Contracts.Queries;
using Halo.Testing.Processes;

namespace Halo.Bench.Scenarios;

/// <summary>An integrator who wants a whole table: the ways to have it from Halo, each until the last byte is there.</summary>
sealed class ExportClient(HaloStand halo, string sql, int rows)
{
    const string Lines = "application/x-ndjson";

    /// <summary>Bytes that the last export took on the way to the integrator.</summary>
    public long Transferred { get; private set; }

    /// <summary>The last async query.</summary>
    public Query? Last { get; private set; }

    /// <summary>Async; then the result as one stream of lines.</summary>
    public Task<double> StreamedAsync() => TimedAsync(async () =>
    {
        var query = await FinalAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, $"integrator/sites/{halo.Site}/queries/{query.Id}/results");
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(Lines));
        await TakeLinesAsync(request);
    });

    /// <summary>Async; then the pages as they are stored, four at a time, compressed.</summary>
    public Task<double> PagesAsync() => TimedAsync(async () =>
    {
        var query = await FinalAsync();
        Transferred = await TakePagesAsync(query.Id, query.Result!.Pages!);
    });

    /// <summary>Async; the same pages, each as soon as it is there, while the Link still makes the others.</summary>
    public Task<double> PagesAsTheyComeAsync() => TimedAsync(async () =>
    {
        var query = (await halo.Integrator.QueueAsync(halo.Site, sql)).Query;
        var (taken, bytes) = (0, 0L);
        while (query.CompletedAt is null || taken < query.Result?.Pages?.Count)
        {
            var answer = await halo.Integrator.GetAsync($"integrator/sites/{halo.Site}/queries/{query.Id}?wait=50");
            query = answer.Status == HttpStatusCode.OK ? answer.Query : throw new InvalidOperationException(answer.ToString());
            var more = (query.Result?.Pages ?? []).Where(p => p.PageNumber > taken).ToList();
            bytes += await TakePagesAsync(query.Id, more);
            taken += more.Count;
        }
        (Last, Transferred) = (Whole(query), bytes);
    });

    /// <summary>Immediate, its rows as lines while the database gives them.</summary>
    public Task<double> ImmediateAsync() => TimedAsync(async () =>
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"integrator/sites/{halo.Site}/queries/immediate")
        {
            Content = new StringContent(IntegratorClient.Body(sql), Encoding.UTF8, "application/json"),
        };
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(Lines));
        await TakeLinesAsync(request);
    });

    async Task<Query> FinalAsync()
    {
        var query = (await halo.Integrator.QueueAsync(halo.Site, sql)).Query;
        return Last = Whole(await halo.Integrator.WhenFinalAsync(halo.Site, query.Id, TimeSpan.FromMinutes(30)));
    }

    Query Whole(Query query) => query.Status == QueryStatus.Successful && query.Result!.Rows == rows
        ? query : throw new InvalidOperationException($"The export is {query.Status} with {query.Result?.Rows} rows: {query.ErrorDetails}");

    /// <summary>Four at a time, compressed.</summary>
    /// <returns>Bytes that came.</returns>
    async Task<long> TakePagesAsync(Guid queryId, IEnumerable<ResultPage> pages)
    {
        long bytes = 0;
        await Parallel.ForEachAsync(pages, new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (page, stop) =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"integrator/sites/{halo.Site}/queries/{queryId}/results/{page.PageNumber}/stream");
            request.Headers.AcceptEncoding.ParseAdd("br");
            using var response = await halo.Integrator.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop);
            response.EnsureSuccessStatusCode();
            await using var body = await response.Content.ReadAsStreamAsync(stop);
            var buffer = new byte[64 * 1024];
            while (await body.ReadAsync(buffer, stop) is var got and > 0)
                Interlocked.Add(ref bytes, got);
        });
        return bytes;
    }

    async Task TakeLinesAsync(HttpRequestMessage request)
    {
        using var response = await halo.Integrator.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        response.EnsureSuccessStatusCode();
        await using var body = await response.Content.ReadAsStreamAsync();
        var buffer = new byte[64 * 1024];
        long bytes = 0, lines = 0;
        while (await body.ReadAsync(buffer) is var got and > 0)
        {
            bytes += got;
            lines += buffer.AsSpan(0, got).Count((byte)'\n');
        }
        Transferred = bytes;
        if (lines != rows)
            throw new InvalidOperationException($"{lines} rows came instead of {rows}.");
    }

    static async Task<double> TimedAsync(Func<Task> work)
    {
        var start = Stopwatch.GetTimestamp();
        await work();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}

using System.Net;
using System.Net.Http.Json;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Halo.Soak.Workload;
using Halo.Soak.World;

namespace Halo.Soak.Checks;

/// <summary>Holds what the API said against what the databases have.</summary>
sealed class Judge(SoakWorld world)
{
    readonly List<Asked> _written = [];

    public async Task JudgeAsync(IReadOnlyList<Asked> round)
    {
        foreach (var asked in round)
        {
            var query = await Finals.FindAsync(asked);
            Count(asked, query);
            CheckAnswers(asked, query);
            if (asked.Writes)
                Expect(asked, query);
            else if (query is { Status: QueryStatus.Successful } && asked.IsAsync)
                await CheckPagesAsync(asked, query);
            if (asked.Received is { } received)
                await CheckRowsAsync(asked, received, "an answer that was said to be whole");
        }
        await CheckTablesAsync();
    }

    void Count(Asked asked, Query? query)
    {
        var end = query is null
            ? asked.Answers.Count == 0 ? "never accepted, no answer" : $"refused {(int)asked.Answers[^1].Status}"
            : query.Executed is { } executed && query.Status != QueryStatus.Successful ? $"{query.Status}, executed {executed}".ToLowerInvariant() : $"{query.Status}".ToLowerInvariant();
        world.Notebook.Count($"query: {asked.Kind}: {end}");
        if (query is { ErrorDetails.Code: { } code })
            world.Notebook.Count($"code: {code}");
        if (query is { ErrorDetails.Code: "LinkError" })
            world.Notebook.Defect($"LinkError: {asked}: {query.ErrorDetails.ErrorMessage}");
        if (query is { CompletedAt: { } completed })
            world.Notebook.Highest("longest: from acceptance to the end, ms", (long)(completed - query.CreatedAt).TotalMilliseconds);
        foreach (var answer in asked.Answers.Where(a => a.Status == HttpStatusCode.InternalServerError))
            world.Notebook.Count("answer: 500");
    }

    /// <summary>Final states never change, and what was accepted is not forgotten.</summary>
    void CheckAnswers(Asked asked, Query? query)
    {
        foreach (var (status, answer) in asked.Answers)
        {
            var accepted = status is HttpStatusCode.Created or HttpStatusCode.OK;
            if (accepted && query is null && answer is not null)
                world.Notebook.Defect($"Accepted and then not found: {asked}");
            // A 504 whose query ended well says so with "executed yes", which the state "successful" has in itself.
            if (answer is { CompletedAt: not null } && query?.Id == answer.Id
                && (query.Status != answer.Status || query.Status != QueryStatus.Successful && query.Executed != answer.Executed))
                world.Notebook.Defect($"A final state changed: {asked}, now {query.Status} {query.Executed}");
            if (status is HttpStatusCode.ServiceUnavailable && answer is { Executed: not Executed.No })
                world.Notebook.Defect($"503 without executed no: {asked}");
        }
        if (asked is { Key: not null } && asked.Answers.Where(a => a.Status is HttpStatusCode.OK or HttpStatusCode.Created)
            .Select(a => a.Query?.Id).Distinct().Count() > 1)
            world.Notebook.Defect($"One key, two queries: {asked}");
    }

    void Expect(Asked asked, Query? query)
    {
        var said = asked.Answers.Any(a => a is { Status: HttpStatusCode.OK, Query.Status: QueryStatus.Successful });
        // With a key several queries may stand for one asking, one after another; each but the last said "executed no".
        asked.Expected = query switch
        {
            _ when said => (1, 1),
            { Status: QueryStatus.Successful } or { Executed: Executed.Yes } => (1, 1),
            { Executed: Executed.No } when asked.Answers.All(a => a.Query is null || a.Query.Id == query.Id) => (0, 0),
            _ => (0, 1),
        };
        _written.Add(asked);
    }

    async Task CheckPagesAsync(Asked asked, Query query)
    {
        using var digester = new RowDigester();
        foreach (var page in query.Result!.Pages!)
        {
            using var response = await asked.Integrator.Http.GetAsync(new Uri($"{Calls.Path(asked)}/{query.Id}/results/{page.PageNumber}", UriKind.Relative));
            if (!response.IsSuccessStatusCode)
            {
                world.Notebook.Defect($"Page {page.PageNumber} of a successful query: {(int)response.StatusCode}: {asked}");
                return;
            }
            Calls.Add(digester, Convert.FromBase64String((await response.Content.ReadFromJsonAsync(HaloJson.Default.PageContent))!.Data));
        }
        world.Notebook.Count("bytes of pages compared", query.ResultSize ?? 0);
        await CheckRowsAsync(asked, digester.Finish(), "a successful export");
    }

    async Task CheckRowsAsync(Asked asked, RowDigest received, string what)
    {
        var (from, to) = asked.Range!.Value;
        if (received != await asked.Practice.DigestAsync(from, to))
            world.Notebook.Defect($"{what} is not what the database has: {received.Rows} rows of {to - from + 1}: {asked}");
        world.Notebook.Count("results compared by digest");
    }

    /// <summary>Of every round, each time: what comes late is found too.</summary>
    async Task CheckTablesAsync()
    {
        foreach (var practice in world.Practices)
        {
            var counts = await practice.CountsAsync();
            foreach (var (id, count) in counts.Where(c => c.Value > 1))
                world.Notebook.Defect($"TWICE: id {id} is {count} times in {practice.Engine}: {_written.Find(w => w.Number == id)}");
            foreach (var asked in _written.Where(w => w.Practice == practice))
            {
                var count = counts.GetValueOrDefault(asked.Number);
                if (count < asked.Expected.Least)
                    world.Notebook.Defect($"LOST: said to be done, not in the database: {asked}");
                if (count > asked.Expected.Most && count == 1)
                    world.Notebook.Defect($"Said not to be executed, and is in the database: {asked}");
            }
        }
    }
}

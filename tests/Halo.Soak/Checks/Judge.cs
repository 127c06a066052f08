using System.Net;
using System.Net.Http.Json;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;
using Halo.Soak.Workload;
using Halo.Soak.World;

namespace Halo.Soak.Checks;

/// <summary>Holds what the API said against what the databases have.</summary>
sealed class Judge(SoakWorld world, Finals finals)
{
    readonly List<Asked> _written = [];
    readonly Dictionary<Guid, (QueryStatus Status, Executed? Executed)> _ends = [];

    /// <summary>The clocks of the two machines are one here; a query is made after it was asked for.</summary>
    public async Task JudgeAsync(IReadOnlyList<Asked> round)
    {
        var all = await finals.AllSinceAsync(round.Min(a => a.Begun).AddSeconds(-1));
        foreach (var asked in round)
        {
            var queries = all[asked.Tag].ToList();
            queries.ForEach(q => _ends[q.Id] = (q.Status, q.Executed));
            Count(asked, queries);
            CheckAnswers(asked, queries);
            if (asked.Writes)
                Expect(asked, queries);
            else if (asked.IsAsync && queries is [{ Status: QueryStatus.Successful } export])
                await CheckPagesAsync(asked, export.Id);
            if (asked.Received is { } received)
                await CheckRowsAsync(asked, received, "an answer that was said to be whole");
        }
        await CheckTablesAsync();
    }

    /// <summary>At the end of all: every query of every round is there, in the state in which it ended.</summary>
    public async Task JudgeAllAsync()
    {
        var now = (await finals.AllSinceAsync(DateTimeOffset.UnixEpoch)).SelectMany(q => q).ToDictionary(q => q.Id, q => (q.Status, q.Executed));
        foreach (var (id, end) in _ends.Where(e => !now.TryGetValue(e.Key, out var found) || found != e.Value))
            world.Notebook.Defect($"A final state changed between rounds: {id} was {end}, now {(now.TryGetValue(id, out var found) ? found : "gone")}");
        world.Notebook.Count("final states compared at the end", _ends.Count);
    }

    void Count(Asked asked, List<Query> queries)
    {
        if (queries.Count == 0)
            world.Notebook.Count($"query: {asked.Kind}: {(asked.Answers.Count == 0 ? "never accepted, no answer" : $"refused {(int)asked.Answers[^1].Status}")}");
        foreach (var query in queries)
        {
            var end = query.Executed is { } executed && query.Status != QueryStatus.Successful ? $"{query.Status}, executed {executed}" : $"{query.Status}";
            world.Notebook.Count($"query: {asked.Kind}: {end.ToLowerInvariant()}");
            if (asked.Writes)
                world.Notebook.Count($"write on {asked.Practice.Engine}: {end.ToLowerInvariant()} {query.ErrorDetails?.Code}".TrimEnd());
            if (query is { ErrorDetails.Code: { } code })
                world.Notebook.Count($"code: {code}");
            // A journal on a full disk is told so.
            if (query is { ErrorDetails: { Code: "LinkError", ErrorMessage: var said } } && (world.LinkDisk is null || !said.Contains("journal", StringComparison.Ordinal)))
                world.Notebook.Defect($"LinkError: {asked}: {said}");
            if (query is { CompletedAt: { } completed })
                world.Notebook.Highest("longest: from acceptance to the end, ms", (long)(completed - query.CreatedAt).TotalMilliseconds);
        }
        foreach (var answer in asked.Answers.Where(a => a.Status == HttpStatusCode.InternalServerError))
            world.Notebook.Count("answer: 500");
    }

    /// <summary>Final states never change, and what was accepted is not forgotten.</summary>
    void CheckAnswers(Asked asked, List<Query> queries)
    {
        foreach (var (status, answer) in asked.Answers)
        {
            if (answer is null)
                continue;
            var query = queries.Find(q => q.Id == answer.Id);
            if (query is null && !MayBeUnrecorded(asked, status))
                world.Notebook.Defect($"Answered and then not found: {asked}");
            // A 504 whose query ended well says so with "executed yes", which the state "successful" has in itself.
            if (answer is { CompletedAt: not null } && query is not null
                && (query.Status != answer.Status || query.Status != QueryStatus.Successful && query.Executed != answer.Executed))
                world.Notebook.Defect($"A final state changed: {asked}, now {query.Status} {query.Executed}");
            if (status is HttpStatusCode.ServiceUnavailable && answer is { Executed: not Executed.No })
                world.Notebook.Defect($"503 without executed no: {asked}");
        }
        if (asked.Received is not null && !queries.Exists(q => q.Status == QueryStatus.Successful))
            world.Notebook.Defect($"An answer was whole, and its query is not successful: {asked} {string.Join(", ", queries.Select(q => q.Status))}");
        if (queries.Count > 1 && asked.Key is null)
            world.Notebook.Defect($"Asked once, and made {queries.Count} queries: {asked}");
        if (queries.Count(q => q.Executed != Executed.No) > 1)
            world.Notebook.Defect($"One key, two queries that may have run: {asked}");
    }

    /// <summary>
    /// A reading immediate query without a key goes to its Link before its accept is written. Where the store does not take that, the
    /// caller hears 504 and the API writes it later; an API that ends before then leaves it to the Link. Only then may it be missing.
    /// What writes is in the ledger before it leaves.
    /// </summary>
    bool MayBeUnrecorded(Asked asked, HttpStatusCode? answered) =>
        asked is { Writes: false, IsAsync: false, Key: null } && answered is null or HttpStatusCode.GatewayTimeout
        && world.ApiAway >= asked.Begun && (answered is null || world.StoreAway >= asked.Begun);

    void Expect(Asked asked, List<Query> queries)
    {
        var unrecorded = queries.Count == 0 && MayBeUnrecorded(asked, asked.Answers is [var only, ..] ? only.Status : null);
        asked.Expected = (
            queries.Count(q => q.Status == QueryStatus.Successful || q.Executed == Executed.Yes),
            queries.Count(q => q.Executed != Executed.No) + (unrecorded ? 1 : 0));
        if (asked.Answers.Any(a => a is { Status: HttpStatusCode.OK, Query.Status: QueryStatus.Successful }) && asked.Expected.Least == 0)
            world.Notebook.Defect($"Said to be done, and the ledger does not have it so: {asked}");
        _written.Add(asked);
    }

    async Task CheckPagesAsync(Asked asked, Guid id)
    {
        var query = (await asked.Integrator.GetAsync($"{Calls.Path(asked)}/{id}")).Query!;
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
            foreach (var asked in _written.Where(w => w.Practice == practice && counts.GetValueOrDefault(w.Number) != counts.GetValueOrDefault(-w.Number) && (w.IsBatch || counts.ContainsKey(-w.Number))))
                world.Notebook.Defect($"HALF: one part of a transaction is in the database without the other: {asked}");
            foreach (var id in counts.Keys.Except(_written.Select(w => w.Number)).Except(_written.Select(w => -w.Number)))
                world.Notebook.Defect($"Nobody asked for id {id} in {practice.Engine}");
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

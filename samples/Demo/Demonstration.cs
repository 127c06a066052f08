using System.Text.Json;
using System.Text.Json.Nodes;
using Halo.Contracts.Queries;
using Halo.Contracts.Sites;
using Halo.Samples.Clinic;

namespace Halo.Samples.Demo;

/// <summary>The journey: two programs, a practice, an integrator, two queries.</summary>
sealed class Demonstration(Show show, string directory, Uri api) : IAsyncDisposable
{
    const string FirstQuery = """
        {"command":{"text":"SELECT last_name, date_of_birth FROM patients WHERE id = @id","parameters":[{"name":"@id","type":"Int","value":"66"}]}}
        """;

    static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    readonly HaloCalls _calls = new(api);
    readonly string _clinic = Path.Combine(directory, "clinic.db");
    readonly DateOnly _today = DateOnly.FromDateTime(TimeProvider.System.GetLocalNow().DateTime);
    readonly List<BuiltProgram> _programs = [];
    readonly TaskCompletionSource<BuiltProgram> _dead = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Runs it; where <paramref name="once"/> is false, stays until <paramref name="stop"/>.</summary>
    public Task RunAsync(bool once, CancellationToken stop) => WhileProgramsLiveAsync(token => PlayAsync(once, token), stop);

    public async ValueTask DisposeAsync()
    {
        // The Link first: its session then ends in order, while the API still hears it.
        foreach (var program in _programs.AsEnumerable().Reverse())
            await program.DisposeAsync();
        _calls.Dispose();
    }

    async Task PlayAsync(bool once, CancellationToken stop)
    {
        show.Title("A practice, a Link beside it, the API, and an integrator");
        await show.StepAsync("Clinic built", _ => Task.Run(() => ClinicBuilder.Build(_clinic, today: _today), stop),
            size => $"{size.Patients:N0} patients, {size.Appointments:N0} appointments, {size.Observations:N0} observations");

        var data = Path.Combine(directory, "api");
        await show.StepAsync("Halo API started", async _ =>
        {
            Start("Halo.Api", "halo-api", ["--urls", api.ToString().TrimEnd('/')], ("Halo__Enrolment", "open"), ("Halo__DataDirectory", data));
            return await UntilAsync(_calls.IsReadyAsync, ready => ready, "The API did not become ready", stop);
        }, _ => api.ToString());
        _calls.UseAdminKey((await File.ReadAllTextAsync(Path.Combine(data, "admin.key"), stop)).Trim());

        var site = await show.StepAsync("Halo Link started, enrolled and connected", async _ =>
        {
            Start("Halo.Link", "halo-link", ["run", "--config", await WriteLinkConfigurationAsync(stop)]);
            return (await UntilAsync(async token => (await _calls.ListSitesAsync(token)).FirstOrDefault(s => s.Availability == SiteAvailability.Online),
                found => found is not null, "The Link's site did not come online", stop))!;
        }, found => $"site {found.Id}");

        var (integrator, key) = await show.StepAsync("Integrator made and paired with the site", async _ =>
        {
            var made = await _calls.MakeIntegratorAsync("Demonstration", stop);
            await _calls.PairAsync(made.Id, site.Id, stop);
            return made;
        }, made => made.Id.ToString());

        await AskImmediatelyAsync(site.Id, stop);
        var exported = await ExportAsync(site.Id, stop);
        show.Note("Every value of both answers is what the clinic's database holds.");
        if (once)
            return;
        ShowWhatNext(site.Id, exported, key, data);
        await Task.Delay(Timeout.Infinite, stop);
    }

    async Task AskImmediatelyAsync(Guid site, CancellationToken stop)
    {
        var question = Questions.ComingWeek(_today);
        show.Title($"Immediate: {question.Title}");
        var start = TimeProvider.System.GetTimestamp();
        var query = await _calls.ImmediateAsync(site, question.Body, stop);
        var whole = TimeProvider.System.GetElapsedTime(start);
        using var rows = JsonDocument.Parse(Convert.FromBase64String(query.Result!.Data!));
        show.Rows([.. rows.RootElement.EnumerateArray()], query.Result.Rows!.Value, 12);
        show.Timings(whole, query);
        Check(question, rows.RootElement.EnumerateArray());
    }

    async Task<Query> ExportAsync(Guid site, CancellationToken stop)
    {
        var question = Questions.AllAppointments;
        show.Title($"Async: {question.Title}");
        var start = TimeProvider.System.GetTimestamp();
        var query = await show.StepAsync("Export", async progress =>
        {
            var query = await _calls.QueueAsync(site, question.Body, stop);
            while (query.CompletedAt is null)
            {
                progress($"{query.Status}, {query.Result?.Pages?.Count ?? 0} pages");
                query = await _calls.GetQueryAsync(site, query.Id, stop);
            }
            return query;
        }, done => $"{done.Status}, {done.Result?.Rows ?? 0:N0} rows, {done.ResultSize ?? 0:N0} bytes of JSON, {done.Result?.Pages?.Count ?? 0} pages");
        if (query.Status != QueryStatus.Successful)
            throw new DemoException($"The export ended as {query.Status}: {query.ErrorDetails?.ErrorMessage}");

        var pages = new List<JsonDocument>();
        try
        {
            foreach (var page in query.Result!.Pages!)
                pages.Add(JsonDocument.Parse(Convert.FromBase64String((await _calls.GetPageAsync(site, query.Id, page.PageNumber, stop)).Data)));
            var whole = TimeProvider.System.GetElapsedTime(start);
            show.Rows([.. pages.SelectMany(p => p.RootElement.EnumerateArray()).Take(8)], query.Result.Rows!.Value, 8);
            show.Timings(whole, query);
            Check(question, pages.SelectMany(p => p.RootElement.EnumerateArray()));
        }
        finally
        {
            pages.ForEach(p => p.Dispose());
        }
        return query;
    }

    void Check(Question question, IEnumerable<JsonElement> rows)
    {
        if (Checker.FirstDifference(_clinic, question, rows) is { } difference)
            throw new DemoException($"The answer is wrong: {difference}.");
    }

    void ShowWhatNext(Guid site, Query exported, string key, string data)
    {
        var integrator = $"{api}integrator/sites/{site}";
        var header = $"-H 'Ocp-Apim-Subscription-Key: {key}'";
        show.Title("Try next");
        show.Lines(
            $"curl -s {header} {integrator}",
            $"curl -s {header} -H 'Content-Type: application/json' {integrator}/queries/immediate -d '{FirstQuery}'",
            $"curl -s --compressed {header} {integrator}/queries/{exported.Id}/results/1/stream",
            $"curl -s -H \"Halo-Admin-Key: $(cat {Path.Combine(data, "admin.key")})\" {api}admin/v1/sites",
            $"{api}docs");
        show.Note("\nCtrl+C stops both programs and removes their data.");
    }

    void Start(string project, string name, IReadOnlyList<string> arguments, params (string, string)[] environment)
    {
        var program = BuiltProgram.Start(project, name, directory, arguments, environment);
        _programs.Add(program);
        _ = program.Exited.ContinueWith(_ => _dead.TrySetResult(program), TaskScheduler.Default);
    }

    async Task<string> WriteLinkConfigurationAsync(CancellationToken stop)
    {
        var file = Path.Combine(directory, "halo-link.json");
        var configuration = new JsonObject
        {
            ["api"] = api.ToString().TrimEnd('/'),
            ["dataDirectory"] = Path.Combine(directory, "link"),
            ["sites"] = new JsonArray(new JsonObject
            {
                ["engine"] = "sqlite",
                ["connectionString"] = $"Data Source={_clinic}",
                ["practiceManagementName"] = "Demo PMS",
                ["practiceManagementSiteId"] = "DEMO-1",
                ["practiceManagementVersion"] = "1.0",
                ["practiceName"] = "Main Street Clinic",
            }),
        };
        await File.WriteAllTextAsync(file, configuration.ToJsonString(), stop);
        return file;
    }

    /// <summary>Asks again and again, quickly: what is waited for comes over HTTP, which has no event for it.</summary>
    static async Task<T> UntilAsync<T>(Func<CancellationToken, Task<T>> ask, Func<T, bool> enough, string otherwise, CancellationToken stop)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var answer = await ask(stop);
            if (enough(answer))
                return answer;
            if (TimeProvider.System.GetElapsedTime(start) > StartLimit)
                throw new DemoException($"{otherwise} within {StartLimit.TotalSeconds:0} s.");
            await Task.Delay(TimeSpan.FromMilliseconds(50), stop);
        }
    }

    /// <summary>Runs <paramref name="play"/>, and fails with a program's last lines as soon as one dies.</summary>
    async Task WhileProgramsLiveAsync(Func<CancellationToken, Task> play, CancellationToken stop)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var playing = play(end.Token);
        if (await Task.WhenAny(playing, _dead.Task) != playing)
        {
            // Ctrl+C reaches all programs of a terminal at once; theirs may be heard of before ours.
            await Task.WhenAny(playing, Task.Delay(TimeSpan.FromMilliseconds(300), CancellationToken.None));
            await end.CancelAsync();
            await Task.WhenAny(playing);
            if (!stop.IsCancellationRequested)
                throw (await _dead.Task).Obituary();
        }
        await playing;
    }
}

using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Halo.Contracts.Queries;
using Halo.SystemTests.Telemetry;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Secrets;

/// <summary>
/// Marked values go through both real programs at their most talkative, as SQL text, parameters, results, error texts, connection strings, keys and tokens. Then
/// everything that the programs wrote or show is searched for them: logs, traces, metrics, command lines, environments, temporary files, data directories.
/// </summary>
public sealed class MarkedValuesTests(SharedPostgres postgres) : IAsyncLifetime
{
    const string InSql = "MarkSqlText-7Qz41";
    const string InParameter = "MarkParameter-8Ry52";
    const string InResult = "MarkResult-9Sx63";
    const string InError = "MarkErrorText-1Tw74";
    const string MasterKey = "TWFya01hc3RlcktleS0xMjM0NTY3ODkwYWJjZGVmZ2g=";
    const string MetricsKey = "MarkMetricsKey-3Vu96-0123456789";

    readonly Collector _collector = new();
    readonly Marks _marks = new();
    readonly string _temporary = Directory.CreateTempSubdirectory("halo-marks-").FullName;
    HaloFixture? _fixture;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_fixture is not null)
            await _fixture.DisposeAsync();
        _collector.Dispose();
        Directory.Delete(_temporary, recursive: true);
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task No_secret_and_nothing_of_a_patient_is_left_anywhere(string engine)
    {
        _fixture = HaloFixture.Create(
            ("Halo__Telemetry__Otlp", _collector.Address), ("OTEL_BSP_SCHEDULE_DELAY", "200"), ("OTEL_METRIC_EXPORT_INTERVAL", "500"),
            ("Halo__Encryption__MasterKey", MasterKey), ("Halo__Telemetry__MetricsKey", MetricsKey), ("TMPDIR", _temporary),
            ("Logging__LogLevel__Default", "Trace"), ("Logging__LogLevel__Microsoft.AspNetCore", "Trace"), ("Halo__Enrolment", "token"));
        await _fixture.Api.StartAsync();
        var token = JsonNode.Parse(await (await _fixture.Api.Admin.PostAsync(new Uri("admin/v1/enrolment-tokens", UriKind.Relative),
            new StringContent("""{ "practiceManagementName": "Zedmed", "practiceManagementSiteId": "1" }""", Encoding.UTF8, "application/json"))).Content.ReadAsStringAsync())!["token"]!.GetValue<string>();
        var connection = engine == "sqlite" ? _fixture.SqliteFile() : await postgres.Server.CreateDatabaseAsync() + ";Application Name=MarkConnection-4Wt07";
        var link = _fixture.AddLink(
            new JsonObject { ["logLevel"] = "Trace", ["enrolmentToken"] = token, ["telemetry"] = new JsonObject { ["otlp"] = _collector.Address } }, new LinkSite(engine, connection));
        link.Environment["TMPDIR"] = _temporary;
        link.Environment["OTEL_BSP_SCHEDULE_DELAY"] = "200";
        var site = (await link.StartAsync())[0];
        var integrator = await _fixture.MakeIntegratorAsync();
        await _fixture.Api.PairAsync(integrator, site.Id);

        _marks.Add("SQL text", InSql);
        _marks.Add("parameter", InParameter);
        _marks.Add("result", InResult);
        _marks.Add("database's error text", InError);
        _marks.Add("master key", MasterKey);
        _marks.Add("metrics key", MetricsKey);
        _marks.Add("admin key", ApiProgram.AdminKey);
        _marks.Add("subscription key", integrator.Key);
        _marks.Add("enrolment token", token);
        if (engine == "postgres")
            _marks.Add("connection string", "MarkConnection-4Wt07");

        await UseAsync(integrator, site.Id, engine);
        // Both programs said what they say at Trace, so silence means something.
        Assert.Contains(_fixture.Api.Process.Lines, l => l.Contains("trce: ", StringComparison.Ordinal) || l.Contains("dbug: ", StringComparison.Ordinal));
        Assert.Contains(_fixture.Api.Process.Lines, l => l.Contains("Microsoft.AspNetCore", StringComparison.Ordinal));
        await Eventually.BecomesAsync(() => Task.FromResult(_collector.Spans), spans => spans.Any(s => s.Name == "halo.database"));

        var found = new List<string>();
        Look("the API's log", Encoding.UTF8.GetBytes(_fixture.Api.Process.Output));
        Look("the Link's log", Encoding.UTF8.GetBytes(link.Process.Output));
        foreach (var sent in _collector.Everything)
            Look("what went to the collector", sent);
        using (var metrics = await _fixture.Api.Admin.GetAsync(new Uri("metrics", UriKind.Relative)))
            Look("/metrics", await metrics.Content.ReadAsByteArrayAsync());
        foreach (var process in new[] { _fixture.Api.Process.Id, link.Process.Id })
        {
            Look("a command line", await File.ReadAllBytesAsync($"/proc/{process}/cmdline"));
            foreach (var child in Signals.ChildrenOf(process))
            {
                Look("a child's command line", await File.ReadAllBytesAsync($"/proc/{child}/cmdline"));
                Look("a child's environment", await File.ReadAllBytesAsync($"/proc/{child}/environ"));
            }
        }
        // While they run: write-ahead logs, spool and drafts are there; then again after their end.
        LookInto(_temporary, _fixture.Api.DataDirectory, link.DataDirectory);
        link.Process.Terminate();
        _fixture.Api.Process.Terminate();
        await Task.WhenAll(link.Process.Exited, _fixture.Api.Process.Exited);
        LookInto(_temporary, _fixture.Api.DataDirectory, link.DataDirectory);
        Look("the API's log", Encoding.UTF8.GetBytes(_fixture.Api.Process.Output));
        Look("the Link's log", Encoding.UTF8.GetBytes(link.Process.Output));
        Assert.True(found.Count == 0, string.Join('\n', found.Distinct()));

        void Look(string where, ReadOnlyMemory<byte> bytes) => found.AddRange(_marks.In(bytes).Select(m => $"{m} stands in {where}."));

        void LookInto(params string[] directories)
        {
            foreach (var file in directories.SelectMany(d => Directory.EnumerateFiles(d, "*", SearchOption.AllDirectories)))
            {
                try
                {
                    Look(file, File.ReadAllBytes(file));
                }
                catch (IOException)
                {
                    // Gone meanwhile, or a socket.
                }
            }
        }
    }

    /// <summary>The search finds what is there: each form in which a value may lie about.</summary>
    [Fact]
    public void A_mark_is_found_in_every_form()
    {
        var marks = new Marks();
        marks.Add("x", "MarkOfTest-0123");
        var utf8 = "MarkOfTest-0123"u8.ToArray();
        foreach (var bytes in (byte[][])[utf8, Encoding.Unicode.GetBytes("MarkOfTest-0123"), Encoding.ASCII.GetBytes(Convert.ToHexStringLower(utf8)), Encoding.ASCII.GetBytes(Convert.ToHexString(utf8))])
            Assert.NotEmpty(marks.In((byte[])[1, 2, 3, .. bytes, 4]));
        for (var before = 0; before < 3; before++)
            for (var after = 0; after < 3; after++)
                Assert.NotEmpty(marks.In(Encoding.ASCII.GetBytes(Convert.ToBase64String([.. Enumerable.Repeat((byte)'a', before), .. utf8, .. Enumerable.Repeat((byte)'z', after)]))));
        Assert.Empty(marks.In("MarkOfTest-012"u8.ToArray()));
    }

    static async Task UseAsync(IntegratorClient integrator, Guid site, string engine)
    {
        object[] parameters = [new { name = "@p", type = "NVarChar", value = InParameter }];
        var cast = engine == "postgres" ? "CAST(@p AS text)" : "@p";
        // The result's mark is made in the database, so that it is no part of the text.
        var rows = $"SELECT {cast} AS p, '{InSql}' AS s, '{InResult[..6]}' || '{InResult[6..]}' AS r";
        var immediate = await integrator.SendAsync(HttpMethod.Post, $"integrator/sites/{site}/queries/immediate", IntegratorClient.Body(rows, parameters: parameters), ("Idempotency-Key", "kept-answer"));
        Assert.Equal(HttpStatusCode.OK, immediate.Status);
        Assert.Contains(Convert.ToBase64String(Encoding.UTF8.GetBytes("[{"))[..2], immediate.Query.Result!.Data!, StringComparison.Ordinal);

        foreach (var mode in (string[])["immediate", "async"])
        {
            var failing = engine == "postgres"
                ? $"SELECT CAST('{InError}' AS integer) -- {InSql}"
                : $"SELECT * FROM \"{InError}\" -- {InSql}";
            var failed = await integrator.SendAsync(HttpMethod.Post, $"integrator/sites/{site}/queries/{mode}", IntegratorClient.Body(failing));
            if (mode == "immediate")
                Assert.Equal(HttpStatusCode.BadRequest, failed.Status);
            else
                Assert.Equal(QueryStatus.ExecutionFailed, (await integrator.WhenFinalAsync(site, failed.Query.Id)).Status);
        }

        var export = engine == "postgres"
            ? $"SELECT i, {cast} AS p, '{InSql}' AS s, '{InResult[..6]}' || '{InResult[6..]}' AS r FROM generate_series(1, 20000) AS i"
            : $"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i, @p AS p, '{InSql}' AS s, '{InResult[..6]}' || '{InResult[6..]}' AS r FROM n ORDER BY hex(i)";
        var queued = await integrator.SendAsync(HttpMethod.Post, $"integrator/sites/{site}/queries/async", IntegratorClient.Body(export, parameters: parameters));
        Assert.Equal(HttpStatusCode.Created, queued.Status);
        Assert.Equal(QueryStatus.Successful, (await integrator.WhenFinalAsync(site, queued.Query.Id)).Status);
        // Refused in each of the ways in which a request may quote what it got.
        foreach (var body in (string[])[$"{{ \"command\": \"{InSql}\" }}", $"{{ \"command\": {{ \"text\": \"{InSql}\", \"parameters\": [ {{ \"name\": \"@p\", \"type\": \"Int\", \"value\": \"{InParameter}\" }} ] }} }}", InSql])
            Assert.Equal(HttpStatusCode.BadRequest, (await integrator.SendAsync(HttpMethod.Post, $"integrator/sites/{site}/queries/immediate", body)).Status);
        await integrator.SendAsync(HttpMethod.Post, $"integrator/sites/{site}/queries/immediate", IntegratorClient.Body(rows, parameters: parameters), ("Halo-Tag", "tagged"));
    }
}

using System.Net;
using System.Text;
using Halo.Contracts.Queries;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Secrets;

/// <summary>
/// Marked values go through both real programs at their most talkative: as SQL text, parameters, rows, database errors, passwords, keys and tokens. Then everything
/// that the programs wrote or show is searched for them: logs, traces, metrics, command lines, environments, temporary files, data directories, the store.
/// </summary>
public sealed class MarkedValuesTests(SharedPostgres postgres)
{
    const string InSql = "MarkSqlText-7Qz41";
    const string InParameter = "MarkParameter-8Ry52";
    const string InRows = "MarkPatientRow-9Sx63";
    const string InError = "MarkErrorText-1Tw74";
    const string InTable = "MarkPatientKey-0Bv85";

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task No_secret_and_no_patients_data_is_left_anywhere(string engine)
    {
        await using var house = await MarkedHouse.StartAsync(engine == "sqlite" ? null : postgres.Server);
        house.Marks.Add("SQL text", InSql);
        house.Marks.Add("a parameter", InParameter);
        house.Marks.Add("a patient's row", InRows);
        house.Marks.Add("a value that an error quotes", InError);
        house.Marks.Add("a key that an error quotes", InTable);
        var search = new MarkSearch(house.Marks);
        var (integrator, site, link, api) = (house.Integrator, house.Site, house.Link, house.Fixture.Api);

        await SendImmediatesAsync(integrator, site, engine);
        await RefuseAsync(integrator, site, search);
        Assert.Equal(QueryStatus.ExecutionFailed, (await integrator.WhenFinalAsync(site, (await integrator.QueueAsync(site, Failing(engine))).Query.Id)).Status);

        // A slow uplink keeps pages in the spool, and claims in the journal, while they are searched.
        house.Uplink.BytesPerSecond = 20_000;
        var export = await integrator.QueueAsync(site, Export(engine), parameters: Parameters);
        Assert.True(export.Status == HttpStatusCode.Created, export.ToString());
        await Eventually.BecomesAsync(() => Task.FromResult(Directory.EnumerateFiles(Path.Combine(link.DataDirectory, "spool"), "*", SearchOption.AllDirectories).Count()), files => files > 0);
        await house.SearchAsync(search);
        house.Uplink.BytesPerSecond = 0;
        Assert.Equal(QueryStatus.Successful, (await integrator.WhenFinalAsync(site, export.Query.Id)).Status);
        Assert.Contains(InRows, (await integrator.PageAsync(site, export.Query.Id, 1)).RootElement.ToString(), StringComparison.Ordinal);
        await Eventually.BecomesAsync(() => Task.FromResult(house.Collector.Spans), spans => spans.Any(s => s.Name == "halo.database"));
        await house.SearchAsync(search);

        search.Search("what halo-link status says", (await link.StatusAsync()).ToJsonString());

        link.Process.Terminate();
        await link.Process.Exited;
        api.Process.Terminate();
        await api.Process.Exited;
        await house.SearchAsync(search);

        Assert.True(search.Found.Count == 0, string.Join('\n', search.Found));
        // It looked where they could have been.
        string[] looked = ["/data/spool/", "/data/journal", "/api/pages/", engine == "sqlite" ? "/api/halo.db" : "the store's table queries", "the command line", "metrics"];
        Assert.All(looked, place => Assert.Contains(search.Places, p => p.Contains(place, StringComparison.Ordinal)));
        if (engine == "sqlite")
            Assert.Contains("the environment of a child process", search.Places);
        // And it would have found them: on the line between the programs, where they belong, it does.
        var known = house.Marks.In(house.Recorded).ToList();
        Assert.Contains("SQL text", known);
        Assert.Contains("a parameter", known);
        Assert.Contains(api.Process.Lines, line => line.Contains("trce: Microsoft.AspNetCore", StringComparison.Ordinal));
    }

    /// <summary>The search finds each form in which a value may be written.</summary>
    [Fact]
    public void A_mark_is_found_in_every_form()
    {
        const string Value = "MarkOfTest-0123";
        var marks = new Marks();
        marks.Add("x", Value);
        var (utf8, utf16) = (Encoding.UTF8.GetBytes(Value), Encoding.Unicode.GetBytes(Value));
        foreach (var bytes in (byte[][])[utf8, utf16, Encoding.ASCII.GetBytes(Convert.ToHexStringLower(utf8)), Encoding.ASCII.GetBytes(Convert.ToHexString(utf8))])
            Assert.NotEmpty(marks.In((byte[])[1, 2, 3, .. bytes, 4]));
        foreach (var value in (byte[][])[utf8, utf16])
            for (var before = 0; before < 3; before++)
                for (var after = 0; after < 3; after++)
                    Assert.NotEmpty(marks.In(Encoding.ASCII.GetBytes(Convert.ToBase64String([.. Enumerable.Repeat((byte)'a', before), .. value, .. Enumerable.Repeat((byte)'z', after)]))));
        Assert.Empty(marks.In("MarkOfTest-012"u8.ToArray()));
    }

    [Fact]
    public void A_mark_is_found_in_files_as_they_are_and_compressed()
    {
        var directory = Directory.CreateTempSubdirectory("halo-marks-");
        try
        {
            var marks = new Marks();
            marks.Add("x", "MarkOfTest-0123");
            var text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("some text and MarkOfTest-0123. ", 50)));
            File.WriteAllBytes(Path.Combine(directory.FullName, "plain"), text);
            using (var brotli = new System.IO.Compression.BrotliStream(File.Create(Path.Combine(directory.FullName, "brotli")), System.IO.Compression.CompressionLevel.Fastest))
                brotli.Write(text);
            using (var gzip = new System.IO.Compression.GZipStream(File.Create(Path.Combine(directory.FullName, "gzip")), System.IO.Compression.CompressionLevel.Fastest))
                gzip.Write(text);
            var search = new MarkSearch(marks);
            search.SearchFiles(directory.FullName, _ => false);
            Assert.Equal(3, search.Found.Count);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    static object[] Parameters => [new { name = "@p", type = "NVarChar", value = InParameter }];

    // The rows' mark is put together by the database, so that it is no part of the text.
    static string Row(string engine) =>
        $"{(engine == "postgres" ? "CAST(@p AS text)" : "@p")} AS p, '{InSql}' AS s, '{InRows[..6]}' || '{InRows[6..]}' AS r";

    static string Export(string engine) => engine == "postgres"
        ? $"SELECT i, md5(CAST(i AS text)) AS h, {Row(engine)} FROM generate_series(1, 5000) AS i"
        : $"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT i, hex(randomblob(16)) AS h, {Row(engine)} FROM n ORDER BY hex(i)";

    /// <summary>The database quotes what it was given.</summary>
    static string Failing(string engine) => engine == "postgres" ? $"SELECT CAST('{InError}' AS integer) -- {InSql}" : $"SELECT * FROM \"{InError}\" -- {InSql}";

    static async Task SendImmediatesAsync(IntegratorClient integrator, Guid site, string engine)
    {
        var kept = await integrator.SendAsync(HttpMethod.Post, $"integrator/sites/{site}/queries/immediate", IntegratorClient.Body($"SELECT {Row(engine)}", parameters: Parameters), ("Idempotency-Key", "kept-answer"));
        Assert.True(kept.Status == HttpStatusCode.OK, kept.ToString());
        Assert.Contains(InRows, Encoding.UTF8.GetString(Convert.FromBase64String(kept.Query.Result!.Data!)), StringComparison.Ordinal);

        foreach (var write in (string[])["CREATE TABLE patients (name TEXT PRIMARY KEY)", $"INSERT INTO patients VALUES ('{InTable}')"])
            Assert.Equal(HttpStatusCode.OK, (await integrator.ImmediateAsync(site, write, "nonQuery")).Status);
        var twice = await integrator.ImmediateAsync(site, $"INSERT INTO patients VALUES ('{InTable}')", "nonQuery");
        Assert.Equal(HttpStatusCode.BadRequest, twice.Status);
        var quoted = await integrator.ImmediateAsync(site, Failing(engine));
        Assert.Equal(HttpStatusCode.BadRequest, quoted.Status);
        Assert.Contains(InError, quoted.Body, StringComparison.Ordinal);
        // A sort that its engine may put into a file.
        Assert.Equal(HttpStatusCode.OK, (await integrator.ImmediateAsync(site, $"SELECT max(r) AS r FROM ({Export(engine)}) AS t", parameters: Parameters)).Status);
    }

    /// <summary>Requests that are refused, in each of the ways in which an answer might quote what it got.</summary>
    static async Task RefuseAsync(IntegratorClient integrator, Guid site, MarkSearch search)
    {
        var path = $"integrator/sites/{site}/queries/immediate";
        string[] bodies =
        [
            InSql,
            $"{{ \"command\": \"{InSql}\" }}",
            $"{{ \"command\": {{ \"text\": \"{InSql}\", \"executionMode\": \"{InSql}\" }} }}",
            $"{{ \"command\": {{ \"text\": \"{InSql}\", \"parameters\": [ {{ \"name\": \"@p\", \"type\": \"Int\", \"value\": \"{InParameter}\" }} ] }} }}",
            $"{{ \"command\": {{ \"text\": \"{InSql}\", \"parameters\": [ {{ \"name\": \"@p\", \"type\": \"DateTime2\", \"value\": \"{InParameter}\" }} ] }} }}",
        ];
        foreach (var body in bodies)
        {
            var refused = await integrator.SendAsync(HttpMethod.Post, path, body);
            Assert.Equal(HttpStatusCode.BadRequest, refused.Status);
            search.Search("the answer to a request that is refused", refused.Body);
        }
        using var stranger = new HttpClient { BaseAddress = integrator.Http.BaseAddress };
        foreach (var (header, value) in ((string, string)[])[("Ocp-Apim-Subscription-Key", integrator.Key + "x"), ("Authorization", $"Bearer {integrator.Key}"), ("Halo-Admin-Key", ApiProgram.AdminKey + "x")])
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, header == "Halo-Admin-Key" ? "admin/v1/sites" : $"integrator/sites/{site}");
            request.Headers.TryAddWithoutValidation(header, value);
            using var answer = await stranger.SendAsync(request);
            Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
            search.Search("the answer to a wrong key", await answer.Content.ReadAsStringAsync());
        }
    }
}

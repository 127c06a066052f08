using System.Collections;
using System.Text.Json.Nodes;
using Halo.Link.Engines;
using Halo.Link.Settings;
using Halo.Link.Settings.Reading;
using Halo.Link.Tests.Work.Async;

namespace Halo.Link.Tests.Settings.Reading;

public sealed class SettingsReaderTests : IDisposable
{
    const string Site = """
        { "engine": "sqlite", "connectionString": "Data Source=/data/clinic.db", "practiceManagementName": "Best Practice", "practiceManagementSiteId": "1" }
        """;

    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_configuration_of_the_contract_is_read()
    {
        var settings = Read("""
            {
              "api": "https://halo.example/", "enrolmentToken": "t", "dataDirectory": "data",
              "sites": [ {
                "engine": "sqlserver", "connectionString": "Server=.;Database=BPSPatients;Password=p",
                "practiceManagementName": "Best Practice", "practiceManagementSiteId": { "sql": "SELECT id FROM practice" },
                "practiceManagementVersion": "1.12", "practiceName": "Main Street Clinic",
                "catalogues": [ { "name": "Patients", "database": "BPSPatients", "isDefault": true }, { "name": "Docs", "database": "BPSDocs" } ],
                "policy": {
                  "default": { "modes": ["reader"], "maxSeconds": 30 },
                  "integrators": { "0198f0aa-0000-7000-8000-000000000001": { "modes": ["reader", "storedProcedure"], "connectionString": "Server=.;Database=BPSPatients;User=x", "maxRows": 0 } }
                } } ]
            }
            """);
        Assert.Equal("https://halo.example", settings.ApiAddress);
        Assert.Equal(Path.Combine(_folder.Path, "data"), settings.DataDirectory);
        Assert.Equal((4, 2, 4L << 30), (settings.Lanes.Immediate, settings.Lanes.Async, settings.Spool.MaxBytes));
        var site = Assert.Single(settings.Sites);
        Assert.Equal(EngineNames.SqlServer, site.Engine);
        Assert.Equal("SELECT id FROM practice", site.PracticeManagementSiteId.Sql);
        Assert.Equal([new("Patients", "BPSPatients", true), new("Docs", "BPSDocs", false)], site.Catalogues);
        var rules = Assert.Single(site.Policy!.Integrators).Value;
        Assert.Equal(30, rules.MaxSeconds);
        Assert.Contains(PolicyModes.StoredProcedure, rules.Modes!);
    }

    [Theory]
    [InlineData("sqlite", "Data Source=/data/clinic.db", "clinic")]
    [InlineData("postgres", "Host=h;Database=pms", "pms")]
    [InlineData("postgres", "Host=h;Username=u", "u")]
    [InlineData("sqlServer", "Server=s;Initial Catalog=Zed", "Zed")]
    public void Without_catalogues_there_is_one_named_after_the_database(string engine, string connectionString, string name)
    {
        var settings = Read(Minimal($$"""{ "engine": "{{engine}}", "connectionString": "{{connectionString}}", "practiceManagementName": "X", "practiceManagementSiteId": "1" }"""));
        Assert.Equal([new(name, null, true)], settings.Sites[0].Catalogues);
    }

    [Fact]
    public void Every_fault_is_reported_at_once_by_the_settings_name()
    {
        var faults = Faults("""
            {
              "api": "http://halo.example", "lanes": { "immediate": 0 }, "spool": { "maxBytes": "lots" },
              "sites": [
                { "engine": "oracle", "connectionString": "x", "practiceManagementName": "X", "practiceManagementSiteId": "1" },
                { "engine": "sqlite", "practiceManagementName": "", "practiceManagementSiteId": { "query": "x" }, "conectionString": "y" }
              ]
            }
            """);
        Assert.Equal(
            [
                "api", "lanes.immediate", "spool.maxBytes", "sites[0].engine", "sites[1].connectionString", "sites[1].practiceManagementName",
                "sites[1].practiceManagementSiteId.sql", "sites[1].practiceManagementSiteId.query", "sites[1].conectionString",
            ],
            faults.Select(f => f.Name).Where(n => n != "dataDirectory"));
    }

    [Fact]
    public void The_environment_goes_before_the_file_whatever_the_case_of_its_names()
    {
        var settings = Read(Minimal(Site), new()
        {
            ["HALOLINK__sites__0__connectionString"] = "Data Source=/other/place.db",
            ["halolink__SITES__0__PracticeName"] = "From outside",
            ["HALOLINK__lanes__immediate"] = "7",
            ["HALOLINK__sites__0__policy__default__modes__0"] = "scalar",
            ["HALOLINK__sites__0__practiceManagementVersion__sql"] = "SELECT 1",
            ["PATH"] = "/bin",
        });
        Assert.Equal("Data Source=/other/place.db", settings.Sites[0].ConnectionString);
        Assert.Equal("From outside", settings.Sites[0].PracticeName!.Text);
        Assert.Equal("SELECT 1", settings.Sites[0].PracticeManagementVersion!.Sql);
        Assert.Equal(7, settings.Lanes.Immediate);
        Assert.Equal([PolicyModes.Scalar], settings.Sites[0].Policy!.Default.Modes!);
    }

    [Fact]
    public void A_variable_that_leads_nowhere_is_a_fault_and_not_ignored()
    {
        var fault = Assert.Single(Faults(Minimal(Site), new() { ["HALOLINK__sitez__0__engine"] = "sqlite" }));
        Assert.Equal("sitez", fault.Name);
    }

    [Fact]
    public void An_integrator_has_the_default_rules_that_its_own_leave_out()
    {
        var settings = Read(Minimal(Site.Replace(" }", """
            , "policy": { "default": { "readOnly": true, "maxRows": 10, "maxBytes": 1000, "maxConcurrent": 2 },
                "integrators": { "0198f0aa-0000-7000-8000-000000000001": { "maxRows": 0, "maxConcurrent": 1 },
                    "0198f0aa-0000-7000-8000-000000000002": { "readOnly": false, "maxBytes": 7 } } } }
            """, StringComparison.Ordinal)));
        var policy = settings.Sites[0].Policy!;
        Assert.Equal(
            [(true, 10, 1000, 2), (true, null, 1000, 1), (false, 10, 7, 2)],
            policy.Integrators.OrderBy(i => i.Key).Select(i => i.Value).Prepend(policy.Default)
                .Select<PolicyRules, (bool, long?, long?, int?)>(r => (r.ReadOnly, r.MaxRows, r.MaxBytes, r.MaxConcurrent)));
    }

    [Fact]
    public void A_limit_below_zero_is_a_fault()
    {
        var faults = Faults(Minimal(Site.Replace(" }", """, "policy": { "default": { "maxRows": -1, "maxBytes": "many", "maxConcurrent": -2 } } }""", StringComparison.Ordinal)));
        Assert.Equal(["sites[0].policy.default.maxRows", "sites[0].policy.default.maxBytes", "sites[0].policy.default.maxConcurrent"], faults.Select(f => f.Name));
    }

    [Fact]
    public void A_file_that_is_not_there_says_so()
    {
        var fault = Assert.Single(Assert.Throws<SettingsException>(() => SettingsReader.Read("/nowhere/halo-link.json", new Hashtable())).Faults);
        Assert.Equal("/nowhere/halo-link.json", fault.Name);
        Assert.Contains("--config", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Broken_JSON_is_named_by_file_and_line_and_never_quoted()
    {
        var fault = Assert.Single(Faults("{\n  \"api\": \"https://x\",\n  \"enrolmentToken\": hunter2\n}"));
        Assert.EndsWith("halo-link.json", fault.Name, StringComparison.Ordinal);
        Assert.Contains("line 3", fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", fault.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Host=h;Password=hunter2")]
    [InlineData("hunter2 with a space")]
    [InlineData("hunter2hunter2hunter2hunter2hunter2hunter2")]
    [InlineData("shunter2pool")]
    public void A_value_that_a_lost_quotation_mark_made_a_name_is_never_shown(string name)
    {
        var fault = Assert.Single(Faults(Minimal(Site).Replace("\"dataDirectory\"", $"\"{name}\": 1, \"dataDirectory\"", StringComparison.Ordinal)));
        Assert.DoesNotContain("hunter2", fault.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_connection_string_that_cannot_be_read_is_never_shown()
    {
        var fault = Assert.Single(Faults(Minimal(Site.Replace("Data Source=/data/clinic.db", "Data Source=x;hunter2=1", StringComparison.Ordinal))));
        Assert.Equal("sites[0].connectionString", fault.Name);
        Assert.DoesNotContain("hunter2", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_data_directory_that_cannot_be_written_says_so()
    {
        var file = Path.Combine(_folder.Path, "file");
        File.WriteAllText(file, "");
        var fault = Assert.Single(Faults($$"""{ "api": "https://x", "dataDirectory": "{{file}}/below", "sites": [ {{Site}} ] }"""));
        Assert.Equal("dataDirectory", fault.Name);
        Assert.Contains(file, fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://127.0.0.1:5080", true)]
    [InlineData("http://localhost:5080", true)]
    [InlineData("http://[::1]:5080", true)]
    [InlineData("http://10.0.0.1", false)]
    [InlineData("ftp://halo.example", false)]
    [InlineData("halo.example", false)]
    public void Plain_http_is_for_this_machine_alone(string api, bool allowed)
    {
        var text = Minimal(Site).Replace("https://x", api, StringComparison.Ordinal);
        if (allowed)
            Assert.Equal(api, Read(text).ApiAddress);
        else
            Assert.Equal("api", Assert.Single(Faults(text)).Name);
    }

    [Fact]
    public void What_settings_hold_is_not_printed_by_accident()
    {
        var settings = Read(Minimal(Site));
        Assert.DoesNotContain("clinic", $"{settings} {settings.Sites[0]}", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("practiceManagementName", 400, 'x')]
    [InlineData("practiceManagementName", 400, '€')]
    [InlineData("practiceManagementSiteId", 400, 'x')]
    [InlineData("practiceManagementVersion", 400, 'x')]
    [InlineData("practiceName", 400, 'x')]
    [InlineData("practiceName", 200, 'é')]
    public void A_text_of_a_site_that_the_line_does_not_carry_is_a_fault(string name, int longest, char of)
    {
        foreach (var fits in (int[])[longest - 1, longest])
            Assert.NotNull(Read(With(fits)));
        var fault = Assert.Single(Faults(With(longest + 1)));
        Assert.Equal($"sites[0].{name}", fault.Name);
        Assert.StartsWith("is too long: shorten it to at most 400 ", fault.Message, StringComparison.Ordinal);

        string With(int length)
        {
            var site = JsonNode.Parse(Site)!;
            site[name] = new string(of, length);
            return Minimal(site.ToJsonString());
        }
    }

    [Fact]
    public void A_name_of_a_catalogue_that_the_line_does_not_carry_is_a_fault()
    {
        foreach (var fits in (int[])[399, 400])
            Assert.Equal(fits, Read(Minimal(WithCatalogues(1, fits))).Sites[0].Catalogues[0].Name.Length);
        Assert.Equal("sites[0].catalogues[0].name", Assert.Single(Faults(Minimal(WithCatalogues(1, 401)))).Name);
    }

    [Fact]
    public void Sites_that_no_enrolment_can_describe_are_a_fault()
    {
        Assert.Equal(1000, Read(Minimal(WithCatalogues(1000, 400))).Sites[0].Catalogues.Count);
        var fault = Assert.Single(Faults(Minimal(WithCatalogues(1000, 400, '語'))));
        Assert.Equal("sites", fault.Name);
        Assert.Contains("bytes to describe to the Halo API", fault.Message, StringComparison.Ordinal);
        Assert.Equal(1000, Read(Minimal(WithCatalogues(1000, 160, '語'))).Sites[0].Catalogues.Count);
    }

    [Fact]
    public void An_enrolment_token_that_the_line_does_not_carry_is_a_fault()
    {
        foreach (var fits in (int[])[1023, 1024])
            Assert.Equal(fits, Read(With(new('t', fits))).EnrolmentToken!.Length);
        var fault = Assert.Single(Faults(With(new('t', 1025))));
        Assert.Equal(("enrolmentToken", "is too long: shorten it to at most 1024 bytes of UTF-8."), (fault.Name, fault.Message));
        Assert.Equal("enrolmentToken", Assert.Single(Faults(With(new('ü', 513)))).Name);

        static string With(string token) => Minimal(Site).Replace("\"api\"", $"\"enrolmentToken\": \"{token}\", \"api\"", StringComparison.Ordinal);
    }

    [Fact]
    public void More_sites_and_more_catalogues_than_the_line_carries_are_faults()
    {
        foreach (var fits in (int[])[499, 500])
            Assert.Equal(fits, Read(Minimal(Sites(fits))).Sites.Count);
        var sites = Assert.Single(Faults(Minimal(Sites(501))));
        Assert.Equal(("sites", "has 501 entries, and at most 500 are possible: give the rest to another Link, with a data directory of its own."), (sites.Name, sites.Message));

        foreach (var fits in (int[])[999, 1000])
            Assert.Equal(fits, Read(Minimal(WithCatalogues(fits, 4))).Sites[0].Catalogues.Count);
        var catalogues = Assert.Single(Faults(Minimal(WithCatalogues(1001, 4))));
        Assert.Equal(("sites[0].catalogues", "has 1001 entries, and at most 1000 are possible: leave out those that no integrator asks for."), (catalogues.Name, catalogues.Message));

        static string Sites(int count) => string.Join(',', Enumerable.Repeat(Site, count));
    }

    static string WithCatalogues(int count, int nameLength, char of = 'c')
    {
        var site = JsonNode.Parse(Site)!;
        site["catalogues"] = new JsonArray([.. Enumerable.Range(0, count).Select(i =>
            (JsonNode)new JsonObject { ["name"] = $"{i}".PadLeft(nameLength, of), ["isDefault"] = i == 0 })]);
        return site.ToJsonString();
    }

    static string Minimal(string site) => $$"""{ "api": "https://x", "dataDirectory": "data", "sites": [ {{site}} ] }""";

    IReadOnlyList<SettingsFault> Faults(string text, Hashtable? environment = null) =>
        Assert.Throws<SettingsException>(() => Read(text, environment)).Faults;

    LinkSettings Read(string text, Hashtable? environment = null)
    {
        var file = Path.Combine(_folder.Path, "halo-link.json");
        File.WriteAllText(file, text);
        return SettingsReader.Read(file, environment ?? []);
    }
}

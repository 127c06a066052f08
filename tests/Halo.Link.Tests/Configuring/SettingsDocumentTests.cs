using System.Text;
using System.Text.Json.Nodes;
using Halo.Link.Configuring;
using Halo.Link.Settings;

namespace Halo.Link.Tests.Configuring;

public sealed class SettingsDocumentTests
{
    const string Written = """
        {
          // Ask Anna before you change this.
          "api": "https://halo.example", // production
          "lanes": { "immediate": 4, "async": 2 },
          "sites": [
            {
              "engine": "sqlite",
              "connectionString": "Data Source=a.db", /* moved in May */
            },
          ],
        }

        """;

    [Theory]
    [InlineData("lanes.async", "8", "\"async\": 2", "\"async\": 8")]
    [InlineData("LANES.Async", "8", "\"async\": 2", "\"async\": 8")]
    [InlineData("api", "\"https://other.example\"", "\"https://halo.example\"", "\"https://other.example\"")]
    [InlineData("sites[0].engine", "\"postgres\"", "\"sqlite\"", "\"postgres\"")]
    public void A_setting_changes_and_nothing_else_of_the_text(string path, string value, string before, string after) =>
        Assert.Equal(Written.Replace(before, after, StringComparison.Ordinal), Changed(Written, d => d.Set(SettingsPath.Parse(path), JsonNode.Parse(value))));

    [Theory]
    [InlineData("uploads", "5", "{\"uploads\":5}")]
    [InlineData("lanes.more", "true", "{\"lanes\":{\"more\":true}}")]
    [InlineData("proxy.address", "\"http://proxy:3128\"", "{\"proxy\":{\"address\":\"http://proxy:3128\"}}")]
    [InlineData("sites[0].policy.default.readOnly", "true", "{\"sites\":[{\"policy\":{\"default\":{\"readOnly\":true}}}]}")]
    [InlineData("sites[1].engine", "\"postgres\"", "{\"sites\":[null,{\"engine\":\"postgres\"}]}")]
    [InlineData("spool", "{\"maxBytes\":1048576}", "{\"spool\":{\"maxBytes\":1048576}}")]
    public void A_setting_that_is_missing_is_added_with_what_leads_to_it_and_every_comment_stays(string path, string value, string added)
    {
        var text = Changed(Written, d => d.Set(SettingsPath.Parse(path), JsonNode.Parse(value)));
        var expected = JsonNode.Parse(Written, documentOptions: new() { CommentHandling = System.Text.Json.JsonCommentHandling.Skip, AllowTrailingCommas = true })!.AsObject();
        Lay(expected, JsonNode.Parse(added)!.AsObject());
        Assert.True(JsonNode.DeepEquals(expected, SettingsDocument.Parse("x", Encoding.UTF8.GetBytes(text)).Settings), text);
        Assert.All((string[])["// Ask Anna before you change this.", "\"https://halo.example\", // production", "/* moved in May */"], c => Assert.Contains(c, text, StringComparison.Ordinal));
    }

    [Fact]
    public void A_new_file_is_written_as_a_person_would()
    {
        var document = SettingsDocument.Empty;
        document.Set(SettingsPath.Parse("api"), "https://halo.example");
        document.Set(SettingsPath.Parse("sites[0].engine"), "postgres");
        document.Set(SettingsPath.Parse("sites[0].practiceName"), "Clínica \"São\" <3");
        Assert.Equal("""
            {
              "api": "https://halo.example",
              "sites": [
                {
                  "engine": "postgres",
                  "practiceName": "Clínica \"São\" <3"
                }
              ]
            }

            """.ReplaceLineEndings("\n"), Encoding.UTF8.GetString(document.Content));
    }

    [Theory]
    [InlineData("{}", "{\n  \"a\": 1\n}")]
    [InlineData("{\"b\":2}", "{\"b\":2,\n  \"a\": 1\n}")]
    [InlineData("{ \"b\": 2 /* , */ // ,\n}", "{ \"b\": 2, /* , */ // ,\n  \"a\": 1\n}")]
    [InlineData("{\r\n\t\"b\": 2\r\n}\r\n", "{\r\n\t\"b\": 2,\r\n\t\"a\": 1\r\n}\r\n")]
    [InlineData("{\n  \"ü\": \"é\", \"b\": 2, // ,\n}", "{\n  \"ü\": \"é\", \"b\": 2, // ,\n  \"a\": 1\n}")]
    public void Whatever_form_the_text_has_it_is_kept(string before, string after) =>
        Assert.Equal(after, Changed(before, d => d.Set(SettingsPath.Parse("a"), 1)));

    [Theory]
    [InlineData("lanes.async", "{\"api\":\"https://halo.example\",\"lanes\":{\"immediate\":4},\"sites\":[{\"engine\":\"sqlite\",\"connectionString\":\"Data Source=a.db\"}]}")]
    [InlineData("lanes", "{\"api\":\"https://halo.example\",\"sites\":[{\"engine\":\"sqlite\",\"connectionString\":\"Data Source=a.db\"}]}")]
    [InlineData("api", "{\"lanes\":{\"immediate\":4,\"async\":2},\"sites\":[{\"engine\":\"sqlite\",\"connectionString\":\"Data Source=a.db\"}]}")]
    [InlineData("sites[0].connectionString", "{\"api\":\"https://halo.example\",\"lanes\":{\"immediate\":4,\"async\":2},\"sites\":[{\"engine\":\"sqlite\"}]}")]
    [InlineData("sites[0]", "{\"api\":\"https://halo.example\",\"lanes\":{\"immediate\":4,\"async\":2},\"sites\":[]}")]
    public void A_setting_that_is_taken_out_is_gone_and_the_rest_stays(string path, string left)
    {
        var document = SettingsDocument.Parse("x", Encoding.UTF8.GetBytes(Written));
        Assert.True(document.Remove(SettingsPath.Parse(path)));
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(left), document.Settings), Encoding.UTF8.GetString(document.Content));
        Assert.False(document.Remove(SettingsPath.Parse(path == "sites[0]" ? "sites[7].x" : path)));
    }

    [Theory]
    [InlineData("api.address")]
    [InlineData("lanes.async.more")]
    public void A_path_through_a_value_is_refused(string path) =>
        Assert.Throws<SettingsException>(() => SettingsDocument.Parse("x", Encoding.UTF8.GetBytes(Written)).Set(SettingsPath.Parse(path), 1));

    [Theory]
    [InlineData("")]
    [InlineData("a..b")]
    [InlineData("a b")]
    public void A_path_that_leads_nowhere_is_refused(string path) => Assert.Throws<SettingsException>(() => SettingsPath.Parse(path));

    /// <summary>Many changes in any order give what the same changes of the parsed settings give.</summary>
    [Fact]
    public void Any_changes_one_after_another_give_the_settings_that_were_meant()
    {
        var random = new Random(17);
        string[] names = ["a", "b", "c", "long-name"];
        for (var round = 0; round < 200; round++)
        {
            var document = SettingsDocument.Parse("x", Encoding.UTF8.GetBytes(round % 2 == 0 ? "{}" : "{ // first\n  \"a\": { \"b\": 1, }, /* , */\n}\n"));
            var expected = document.Settings;
            for (var step = 0; step < 12; step++)
            {
                var path = Enumerable.Range(0, random.Next(1, 4)).Select(_ => names[random.Next(names.Length)]).ToList();
                var meant = expected.DeepClone().AsObject();
                if (!SetIn(meant, path, step))
                    continue;
                document.Set(new(path), step);
                expected = meant;
                Assert.True(JsonNode.DeepEquals(expected, document.Settings), Encoding.UTF8.GetString(document.Content));
                if (random.Next(4) == 0 && document.Remove(new([path[0]])))
                    expected.Remove(path[0]);
                Assert.True(JsonNode.DeepEquals(expected, document.Settings), Encoding.UTF8.GetString(document.Content));
            }
        }
    }

    static bool SetIn(JsonObject settings, List<string> path, int value)
    {
        foreach (var name in path.SkipLast(1))
        {
            if (settings[name] is null)
                settings[name] = new JsonObject();
            if (settings[name] is not JsonObject next)
                return false;
            settings = next;
        }
        settings[path[^1]] = value;
        return true;
    }

    static string Changed(string text, Action<SettingsDocument> change)
    {
        var document = SettingsDocument.Parse("x", Encoding.UTF8.GetBytes(text));
        change(document);
        return Encoding.UTF8.GetString(document.Content);
    }

    /// <summary>In a list null stands for what was there.</summary>
    static void Lay(JsonNode target, JsonNode added)
    {
        if (target is JsonObject o)
        {
            foreach (var (name, value) in added.AsObject())
                if (o[name] is { } there && value is JsonObject or JsonArray)
                    Lay(o[name]!, value);
                else
                    o[name] = value?.DeepClone();
            return;
        }
        var list = target.AsArray();
        for (var i = 0; i < added.AsArray().Count; i++)
            if (i >= list.Count)
                list.Add(added[i]?.DeepClone());
            else if (added[i] is not null)
                Lay(list[i]!, added[i]!);
    }
}

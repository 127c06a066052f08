using System.Collections;
using System.Diagnostics;
using System.Text;
using Halo.Link.Settings;
using Halo.Link.Settings.Reading;
using Halo.Link.Tests.Work.Async;
using Halo.Testing;

namespace Halo.Link.Tests.Settings.Reading;

/// <summary>Whatever stands in the configuration file: it is read, or refused in words that say where and how to put it right.</summary>
public sealed class SettingsTextTests : IDisposable
{
    const string Good = """
        {
          "api": "https://x",
          "dataDirectory": "data",
          "sites": [
            { "engine": "sqlite", "connectionString": "Data Source=/d/c.db", "practiceManagementName": "Best Practice", "practiceManagementSiteId": "1", "practiceName": "Clínica" }
          ]
        }
        """;

    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_in_any_marked_encoding_of_Unicode_is_read()
    {
        Encoding[] all = [new UTF8Encoding(true), new UTF8Encoding(false), new UnicodeEncoding(false, true), new UnicodeEncoding(true, true), new UTF32Encoding(false, true), new UTF32Encoding(true, true)];
        foreach (var encoding in all)
            Assert.Equal("Clínica", Read([.. encoding.Preamble, .. encoding.GetBytes(Good)]).Sites[0].PracticeName!.Text);
    }

    [Fact]
    public void A_file_in_a_code_page_is_told_with_its_line_and_column()
    {
        var at = Good.Split('\n')[4].IndexOf('í', StringComparison.Ordinal) + 1;
        AssertFault(Encoding.Latin1.GetBytes(Good), $"line 5, column {at}: this is not UTF-8", "Save it as UTF-8");
        // A comment is a part of the file too.
        AssertFault(Encoding.Latin1.GetBytes("// é\n" + Good), "line 1, column 4: this is not UTF-8");
        // Cut in the middle of a character.
        AssertFault([.. Encoding.UTF8.GetBytes("{ \"api\": \""), 0xE2, 0x82], "line 1, column 11: this is not UTF-8");
        AssertFault(new UnicodeEncoding(false, false).GetBytes(Good), "line 1, column 2: a zero byte");
        AssertFault([0xFF, 0xFE, .. Encoding.Unicode.GetBytes(Good).AsSpan(1)], "UTF-16 and is damaged");
    }

    [Theory]
    [InlineData("\\ud800")]
    [InlineData("\\udfff")]
    [InlineData("x\\uDBFFy")]
    [InlineData("\\ud800\\ud800")]
    public void Half_a_surrogate_pair_is_told_wherever_it_stands(string half)
    {
        AssertFault(Good.Replace("Clínica", half, StringComparison.Ordinal), "line 5, column ", "half of a surrogate pair");
        AssertFault(Good.Replace("\"data\"", $"\"{half}\"", StringComparison.Ordinal), "line 3, column 20: this text holds half of a surrogate pair");
        AssertFault(Good.Replace("dataDirectory", half, StringComparison.Ordinal), "line 3, column 3: this text holds half of a surrogate pair");
    }

    [Fact]
    public void A_zero_character_is_told_wherever_it_stands()
    {
        AssertFault(Good.Replace("\"data\"", "\"da\\u0000ta\"", StringComparison.Ordinal), "line 3, column 20: a zero character");
        AssertFault(Good.Replace("/d/c.db", "/d/\\u0000c.db", StringComparison.Ordinal), "line 5, column ", "a zero character");
        AssertFault(Good.Replace("Best Practice", "\\u0000", StringComparison.Ordinal), "a zero character");
        AssertFault(Good.Replace("\"data\"", "\"da\0ta\"", StringComparison.Ordinal), "line 3, column 23: a zero byte");
    }

    [Fact]
    public void A_name_that_stands_twice_is_told_with_both_places_whatever_its_case()
    {
        AssertFault(Good.Replace("\"sites\"", "\"api\": \"https://y\",\n  \"sites\"", StringComparison.Ordinal), "line 4, column 3: this name stands already in the same braces, at line 2, column 3");
        AssertFault(Good.Replace("\"sites\"", "\"API\": \"https://y\",\n  \"sites\"", StringComparison.Ordinal), "line 4, column 3");
        AssertFault(Good.Replace("\"practiceName\"", "\"engine\"", StringComparison.Ordinal), "line 5, column ", "at line 5, column 7");
        // Equal once its escapes are read.
        AssertFault(Good.Replace("\"sites\"", "\"\\u0061pi\": \"https://y\",\n  \"sites\"", StringComparison.Ordinal), "line 4, column 3: this name stands already");
    }

    [Fact]
    public void What_is_no_JSON_is_told_with_its_line_and_column_in_characters_and_never_quoted()
    {
        AssertFault(Good.Replace("\"practiceName\": \"Clínica\"", "\"practiceName\": \"Clínica\" hunter2", StringComparison.Ordinal), "line 5, column ");
        AssertFault("{ \"practiceName\": \"ññññ\" x", "line 1, column 26");
        AssertFault("", "line 1, column 1");
        AssertFault("{", "line 1, column 2");
        AssertFault("[]", "must hold one JSON object");
        AssertFault("null", "must hold one JSON object");
        AssertFault(new string('[', 100_000), "more than 64 deep");
        AssertFault(string.Concat(Enumerable.Repeat("{\"a\":", 70)), "more than 64 deep");
    }

    [Fact]
    public void A_huge_file_is_refused_without_reading_it_all_and_a_large_one_is_read_at_once()
    {
        var huge = Path.Combine(_folder.Path, "huge.json");
        using (var file = File.Create(huge))
            file.SetLength(1L << 40);
        AssertFaultOf(huge, "larger than 4 MiB");

        var integrators = string.Join(",", Enumerable.Range(0, 30_000).Select(i => $"\"0198f0aa-0000-7000-8000-{i:x12}\":{{\"maxRows\":{i}}}"));
        var large = Good.Replace("\"practiceName\"", $"\"policy\": {{ \"integrators\": {{ {integrators} }} }}, \"practiceName\"", StringComparison.Ordinal);
        Assert.Equal(30_000, Read(Encoding.UTF8.GetBytes(large)).Sites[0].Policy!.Integrators.Count);
    }

    [Fact]
    public void Of_thousands_of_faults_the_first_are_told_and_how_many_there_are()
    {
        var file = Write(Encoding.UTF8.GetBytes($"{{ {string.Join(",", Enumerable.Range(0, 5000).Select(i => $"\"x{i}\":1"))} }}"));
        var faults = Assert.Throws<SettingsException>(() => SettingsReader.Read(file, new Hashtable())).Faults;
        Assert.InRange(faults.Count, 10, 60);
        Assert.Contains("more faults", faults[^1].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_in_its_place_is_told() => AssertFaultOf(_folder.Path, "is a directory");

    [Fact]
    public void A_link_to_itself_is_told()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a right of their own on Windows; make it run on Linux.");
        var link = Path.Combine(_folder.Path, "loop.json");
        File.CreateSymbolicLink(link, link);
        AssertFaultOf(link, "cannot be read");
    }

    [Fact]
    public async Task A_pipe_that_nobody_writes_is_told_instead_of_waited_for()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no pipes in folders; make it run on Linux.");
        var pipe = Path.Combine(_folder.Path, "pipe.json");
        using (var made = Process.Start("mkfifo", pipe))
            await made.WaitForExitAsync(TestContext.Current.CancellationToken);
        var source = new SettingsSource(pipe) { Patience = TimeSpan.FromMilliseconds(200) };
        Assert.Contains("ordinary file", Assert.Throws<SettingsException>(source.Read).Faults[0].Message, StringComparison.Ordinal);
        Assert.Contains("ordinary file", Assert.Throws<SettingsException>(source.Read).Faults[0].Message, StringComparison.Ordinal);
        // Once somebody writes, what hung is read and the thread ends. A read that came later than that waits for the next writer.
        await Eventually.BecomesAsync(async () =>
        {
            var reading = Task.Run(() => TryRead(source));
            await Task.Run(() => File.WriteAllText(pipe, Good));
            return await reading;
        }, content => content?.Length > 0);
    }

    [Fact]
    public void What_the_reader_takes_the_engines_take()
    {
        foreach (var (engine, text) in ((string, string)[])[("postgres", "Database=x"), ("postgres", "Host=;Username=u"), ("sqlServer", "Database=x"), ("sqlite", "Data Source=:memory:"), ("sqlite", "Mode=Memory")])
        {
            var json = Good.Replace("\"sqlite\"", $"\"{engine}\"", StringComparison.Ordinal).Replace("Data Source=/d/c.db", text, StringComparison.Ordinal);
            SettingsFuzz.AssertReadOrRefused(Write(Encoding.UTF8.GetBytes(json)), []);
        }
    }

    static byte[]? TryRead(SettingsSource source)
    {
        try
        {
            return source.Read();
        }
        catch (SettingsException)
        {
            return null;
        }
    }

    void AssertFault(string text, params string[] words) => AssertFault(Encoding.UTF8.GetBytes(text), words);

    void AssertFault(byte[] content, params string[] words) => AssertFaultOf(Write(content), words);

    static void AssertFaultOf(string file, params string[] words)
    {
        var fault = Assert.Single(Assert.Throws<SettingsException>(() => SettingsReader.Read(file, new Hashtable())).Faults);
        Assert.Equal(file, fault.Name);
        foreach (var word in words)
            Assert.Contains(word, fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", fault.Message, StringComparison.Ordinal);
    }

    LinkSettings Read(byte[] content) => SettingsReader.Read(Write(content), new Hashtable());

    string Write(byte[] content)
    {
        var file = Path.Combine(_folder.Path, "halo-link.json");
        File.WriteAllBytes(file, content);
        return file;
    }
}

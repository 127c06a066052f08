using System.Collections;
using System.Globalization;
using System.Text.Json.Nodes;
using Halo.Link.Tests.Session;
using Halo.Link.Tests.Work.Async;
using Halo.Testing;

namespace Halo.Link.Tests.Settings.Reading;

/// <summary>Thousands of spoiled files, at start and under a running Link. <c>HALO_FUZZ_SETTINGS</c> (files) makes it longer, <c>HALO_FUZZ_SEED</c> another run.</summary>
public sealed class SettingsFuzzTests
{
    static int Files(int otherwise) => int.TryParse(Environment.GetEnvironmentVariable("HALO_FUZZ_SETTINGS"), NumberStyles.None, CultureInfo.InvariantCulture, out var files) ? files : otherwise;

    static int Seed => int.TryParse(Environment.GetEnvironmentVariable("HALO_FUZZ_SEED"), NumberStyles.None, CultureInfo.InvariantCulture, out var seed) ? seed : 15;

    [Fact]
    public void At_start_every_file_is_read_or_refused_with_its_faults()
    {
        using var folder = new TemporaryFolder();
        var file = Path.Combine(folder.Path, "halo-link.json");
        var fuzz = new SettingsFuzz(Seed);
        // Where a spoiled file names another place, nothing is made there.
        var environment = new Hashtable { ["HALOLINK__dataDirectory"] = Path.Combine(folder.Path, "data") };
        var read = 0;
        var files = Files(3000);
        for (var i = 0; i < files; i++)
        {
            var content = fuzz.Next();
            File.WriteAllBytes(file, content);
            try
            {
                if (SettingsFuzz.AssertReadOrRefused(file, environment))
                    read++;
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"File {i} of seed {Seed}: {Convert.ToBase64String(content)}", e);
            }
        }
        // Neither all good nor all bad, or it tries nothing.
        Assert.InRange(read, files / 100, files * 9 / 10);
    }

    [Fact]
    public async Task Under_a_running_Link_no_file_ends_it_and_a_good_one_is_taken_up_afterwards()
    {
        await using var api = await TestApi.StartAsync();
        await using var link = new RunningLink(api.Address);
        var good = new JsonObject
        {
            ["api"] = api.Address,
            ["dataDirectory"] = Path.Combine(link.Folder, "data"),
            ["sites"] = new JsonArray(new JsonObject
            {
                ["engine"] = "sqlite",
                ["connectionString"] = link.ConnectionString,
                ["practiceManagementName"] = "Best Practice",
                ["practiceManagementSiteId"] = "12345",
                ["practiceName"] = "first",
            }),
        };
        link.WithFile(good.ToJsonString()).Start();
        var session = await api.NextSessionAsync();
        await session.WelcomeAsync();

        using var folder = new TemporaryFolder();
        var tried = Path.Combine(folder.Path, "halo-link.json");
        var environment = new Hashtable { ["HALOLINK__dataDirectory"] = Path.Combine(folder.Path, "data") };
        var fuzz = new SettingsFuzz(Seed + 1);
        for (var i = Files(3000) / 200; i > 0; i--)
        {
            byte[] faulty;
            do
                File.WriteAllBytes(tried, faulty = fuzz.Next());
            while (SettingsFuzz.AssertReadOrRefused(tried, environment));
            var file = link.Write("");
            File.WriteAllBytes(file, faulty);
            var asked = link.Log.Of(2032).Count;
            link.File!.Look(asked: true);
            await Eventually.BecomesAsync(() => Task.FromResult(link.Log.Of(2032).Count), said => said > asked);
        }
        Assert.NotEmpty(link.File!.Faults);
        File.Delete(link.Write(""));
        link.File.Look(asked: true);
        await Eventually.BecomesAsync(() => Task.FromResult(link.File.Faults), f => f is [{ Message: var m }] && m.Contains("does not exist", StringComparison.Ordinal));
        Assert.False(session.Ended.IsCompleted);
        good["sites"]![0]!["practiceName"] = "second";
        link.Write(good.ToJsonString());
        await Eventually.BecomesAsync(() => Task.FromResult(link.File.Good.Sites[0].PracticeName!.Text), n => n == "second");
        Assert.Empty(link.File.Faults);
    }
}

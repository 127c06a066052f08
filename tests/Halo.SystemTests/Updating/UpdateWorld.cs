using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Halo.Contracts.Sites;
using Halo.Releases.Handover;
using Halo.Testing;
using Halo.Testing.Processes;

namespace Halo.SystemTests.Updating;

/// <summary>A practice's server as the package lays it out: launcher, versions, service and updater, with real processes; beside it an API and an integrator.</summary>
sealed class UpdateWorld : IAsyncDisposable
{
    readonly CancellationTokenSource _end = new();
    readonly LinkProgram _link;
    readonly Lock _lock = new();
    Process? _updater;
    Task _watching = Task.CompletedTask;

    UpdateWorld(HaloFixture fixture, TestReleases releases, string? programs, string hours)
    {
        (Fixture, Releases) = (fixture, releases);
        Programs = programs ?? Directory.CreateDirectory(Path.Combine(fixture.TemporaryDirectory, "programs")).FullName;
        Unit = Directory.CreateDirectory(Path.Combine(fixture.TemporaryDirectory, "unit")).FullName;
        Practice = new Practice(Path.Combine(fixture.TemporaryDirectory, "practice.db"));
        _link = fixture.AddLink(new JsonObject
        {
            ["connection"] = new JsonObject { ["longestWaitMs"] = 1000 },
            ["updates"] = new JsonObject { ["hours"] = hours },
        }, new LinkSite("sqlite", Practice.ConnectionString));
    }

    public HaloFixture Fixture { get; }

    public TestReleases Releases { get; }

    public Practice Practice { get; }

    public string Programs { get; }

    string Unit { get; }

    public string Data => _link.DataDirectory;

    public string State => UpdateState.DirectoryBeside(Data);

    /// <summary>Seconds that a new version has.</summary>
    public int Gate { get; set; } = 120;

    public string Current => File.ReadAllText(Path.Combine(Programs, "current")).Trim();

    public UpdateState Stands => UpdateState.Find(State) ?? new();

    public Site Site { get; private set; } = null!;

    public IntegratorClient Integrator { get; private set; } = null!;

    public static string? Missing => !OperatingSystem.IsLinux() || !File.Exists("/bin/bash") || !File.Exists("/usr/bin/setsid") || !File.Exists("/usr/bin/flock")
        ? "Needs Linux with bash, setsid and flock (util-linux)." : null;

    /// <summary>With its first version installed, configured and connected, and a practice that an integrator may query.</summary>
    /// <param name="programs">The programs' directory; null: one of its own.</param>
    /// <param name="hours">When the Link may update itself.</param>
    public static async Task<UpdateWorld> StartAsync(string? programs = null, string hours = "0-24")
    {
        var releases = new TestReleases(Directory.CreateTempSubdirectory("halo-releases-").FullName);
        var fixture = await HaloFixture.StartAsync(("Halo__Updates__Roots", releases.RootsFile), ("Halo__HeartbeatSeconds", "1"));
        var world = new UpdateWorld(fixture, releases, programs, hours);
        world.Install(TestReleases.Version(0));
        world.Boot();
        world.Site = (await Eventually.BecomesAsync(() => world._link.FindSitesAsync(), s => s is [{ Availability: SiteAvailability.Online }]))[0];
        world.Integrator = await fixture.MakeIntegratorAsync();
        await fixture.Api.PairAsync(world.Integrator, world.Site.Id);
        world._watching = world.WatchAsync();
        return world;
    }

    /// <summary>The service's own, as it starts with the machine; so does the updater, by the watching below.</summary>
    public void Boot() => Run("systemctl", "restart");

    /// <summary>Asks as the agent does, once it has downloaded a bundle.</summary>
    public Guid HandOver(string? bundle, bool again = false, DateTimeOffset? apiTime = null)
    {
        var id = Guid.CreateVersion7(TimeProvider.System.GetUtcNow());
        var folder = Directory.CreateDirectory(Path.Combine(Data, UpdateRequest.DirectoryName)).FullName;
        if (bundle is not null)
            File.Copy(bundle, Path.Combine(folder, $"{id:N}.bundle"));
        Ask(new UpdateRequest(id, bundle is null ? null : $"{id:N}.bundle") { Again = again, ApiTime = apiTime, LocalTime = apiTime is null ? null : TimeProvider.System.GetUtcNow() }.ToBytes());
        return id;
    }

    public void Ask(byte[] request)
    {
        var folder = Directory.CreateDirectory(Path.Combine(Data, UpdateRequest.DirectoryName)).FullName;
        File.WriteAllBytes(Path.Combine(folder, "request.tmp"), request);
        File.Move(Path.Combine(folder, "request.tmp"), Path.Combine(folder, UpdateRequest.FileName), overwrite: true);
    }

    /// <summary>Nothing is asked and nothing under way.</summary>
    public bool IsIdle
    {
        get
        {
            if (File.Exists(Path.Combine(Data, UpdateRequest.DirectoryName, UpdateRequest.FileName)))
                return false;
            lock (_lock)
                return _updater is { HasExited: true, ExitCode: 0 } && Stands.Pending is null;
        }
    }

    /// <summary>How it ended.</summary>
    public async Task<UpdateResult> EndAsync(Guid id, TimeSpan? limit = null)
    {
        try
        {
            return (await Eventually.BecomesAsync(() => Task.FromResult(Stands), s => s.Last?.Id == id && s.Pending is null, limit ?? TimeSpan.FromMinutes(3))).Last!;
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}\n{File.ReadAllText(Path.Combine(State, UpdateState.FileName))}\n{Log("updater.log")}\n{Log("log")}");
        }
    }

    /// <summary>Waits for what somebody sees of it; where it does not come, the logs say why.</summary>
    public async Task<T> SeenAsync<T>(Func<Task<T>> look, Func<T, bool> enough, TimeSpan limit)
    {
        try
        {
            return await Eventually.BecomesAsync(look, enough, limit);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}\n{Log("updater.log")}\n{Log("log")}\n{Fixture.Api.Process.Output}");
        }
    }

    /// <summary>A command of <c>halo-link</c>, by its launcher.</summary>
    public async Task<(int ExitCode, string Output)> HaloLinkAsync(params string[] arguments)
    {
        using var process = Start(Path.Combine(Programs, "halo-link"), [.. arguments, "--config", _link.ConfigurationFile]);
        var output = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode, string.Concat(output));
    }

    /// <summary>The version that runs, by its own word; null: none answers.</summary>
    public async Task<string?> RunningAsync() =>
        await HaloLinkAsync("status", "--json") is (0 or 3, var json) ? JsonNode.Parse(json)!["version"]!.GetValue<string>() : null;

    /// <summary>Somebody changes the configuration file.</summary>
    public void Configure(Action<JsonObject> change)
    {
        var file = JsonNode.Parse(File.ReadAllText(_link.ConfigurationFile))!.AsObject();
        change(file);
        File.WriteAllText(_link.ConfigurationFile, file.ToJsonString());
    }

    public void KillUpdater()
    {
        lock (_lock)
            if (_updater is { HasExited: false } running)
                running.Kill();
    }

    /// <summary>The agent alone: its service manager starts it again.</summary>
    public void KillAgent()
    {
        if (Group() is not { } group)
            return;
        foreach (var child in Signals.ChildrenOf(group).ToList())
            Signals.Send(child, Signals.Kill);
    }

    /// <summary>The agent with its service manager: what is left when the power goes, together with <see cref="KillUpdater"/>.</summary>
    public void KillService()
    {
        if (Group() is { } group)
            Signals.Send(-group, Signals.Kill);
        File.Delete(Path.Combine(Unit, "group"));
    }

    public string Log(string name) => File.Exists(Path.Combine(Unit, name)) ? File.ReadAllText(Path.Combine(Unit, name)) : "";

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        KillUpdater();
        await _watching;
        KillService();
        Releases.Dispose();
        _end.Dispose();
        await Fixture.DisposeAsync();
    }

    void Install(string version)
    {
        TestReleases.Make(Path.Combine(Programs, "versions", version), version);
        foreach (var program in (string[])["halo-link", "halo-link-updater"])
            File.Copy(Path.Combine(Repository.Root, "deploy/linux/launcher"), Path.Combine(Programs, program));
        foreach (var pointer in (string[])["current", "good"])
            File.WriteAllText(Path.Combine(Programs, pointer), version + "\n");
        var systemctl = Directory.CreateDirectory(Path.Combine(Unit, "bin")).FullName;
        File.Copy(Path.Combine(Repository.Root, "tests/Halo.SystemTests/Updating/systemctl.sh"), Path.Combine(systemctl, "systemctl"));
        File.WriteAllText(Path.Combine(Unit, "restarts"), "0\n");
    }

    /// <summary>The path unit and the service of the updater: started when there is a request, and again where it failed.</summary>
    async Task WatchAsync()
    {
        var again = true;
        while (!_end.IsCancellationRequested)
        {
            if (again || File.Exists(Path.Combine(Data, UpdateRequest.DirectoryName, UpdateRequest.FileName)))
                again = await RunUpdaterAsync() != 0;
            await Task.Delay(50);
        }
    }

    async Task<int> RunUpdaterAsync()
    {
        Process updater;
        lock (_lock)
            updater = _updater = Start(Path.Combine(Programs, "halo-link-updater"), ["run", "--programs", Programs, "--data", Data, "--state", State,
                "--gate", Gate.ToString(CultureInfo.InvariantCulture), "--settle", "1", "--pause", "2", "--roots", Releases.RootsFile]);
        var output = await Task.WhenAll(updater.StandardOutput.ReadToEndAsync(), updater.StandardError.ReadToEndAsync());
        await updater.WaitForExitAsync();
        await File.AppendAllTextAsync(Path.Combine(Unit, "updater.log"), string.Concat(output));
        return updater.ExitCode;
    }

    int? Group() => File.Exists(Path.Combine(Unit, "group")) && int.TryParse(File.ReadAllText(Path.Combine(Unit, "group")), out var group) ? group : null;

    void Run(string program, params string[] arguments)
    {
        using var process = Start(program == "systemctl" ? Path.Combine(Unit, "bin", "systemctl") : program, arguments);
        process.WaitForExit();
    }

    Process Start(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PATH"] = $"{Path.Combine(Unit, "bin")}:{System.Environment.GetEnvironmentVariable("PATH")}";
        start.Environment["HALO_TEST_UNIT"] = Unit;
        start.Environment["HALO_TEST_PROGRAM"] = Path.Combine(Programs, "halo-link");
        start.Environment["HALO_TEST_CONFIG"] = _link.ConfigurationFile;
        return Process.Start(start)!;
    }
}

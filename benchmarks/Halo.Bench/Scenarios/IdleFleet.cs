using System.Diagnostics;
using System.Globalization;
using Halo.Bench.Measuring;
using Halo.Bench.References;
using Halo.Bench.Reporting;
using Halo.Bench.Stands;

namespace Halo.Bench.Scenarios;

sealed class IdleFleet(bool tls) : IScenario
{
    const string Tls = "TLS";

    public string Name => tls ? "idle-links-tls" : "idle-links";

    public string Summary => $"Links connected {(tls ? "over TLS" : "without TLS")} and with nothing to do: memory and processor time of the API for each, the cost of a heartbeat, and how they come back after a restart of the API.";

    public async Task MeasureAsync(Run run)
    {
        int[] counts = run.Choose<int[]>(tls ? [1_000, 10_000] : [1_000, 10_000, DescriptorsFor()], [200, 1_000]);
        var bare = await MeasureBareAsync(run, counts);
        var fleet = run.Own(await Fleet.StartAsync(tls));
        await MeasureAsync(run, fleet, tls ? Tls : "plain", counts, bare, tls ? 52 : 16);
        run.Note("Memory per Link is the difference between the smallest and the larger fleet, divided by the Links between: so the program's own memory and its youngest generation, there at any size, are not counted. Bare WebSockets are those of an ASP.NET program that accepts them and waits: what the server alone takes.");
        if (!tls)
            run.Note($"The largest fleet is what {DescriptorLimit():N0} file descriptors a process allow here; beyond it the figures per Link are to be extrapolated. Its memory is that of an API restarted since the smallest fleet.");
        run.Note("A restart counts from the moment the old process was told to end, or was killed. Simulated Links hold to the real one's waits: at random within 2 s after an orderly end, full jitter from 1 s to 60 s otherwise, the token used again while it is good.");
    }

    static async Task MeasureAsync(Run run, Fleet fleet, string line, int[] counts, double bare, double goalKilobytes)
    {
        long smallest = 0;
        foreach (var count in counts)
        {
            run.Say($"{line}: {count:N0} Links");
            await fleet.GrowAsync(count);
            // What the opening left behind has been seen by the collector; heartbeats have begun to come one by one.
            await Task.Delay(TimeSpan.FromSeconds(run.Choose(60, 5)));
            var resident = ProcessUsage.Of(fleet.Api.Process.Id).ResidentBytes;
            if (count == counts[0])
                smallest = resident;
            else
                run.Add(Figure.Against($"{count:N0} Links, {line}", "KB of memory each", [(resident - smallest) / 1024.0 / (count - counts[0])], BareSockets.Name, [bare]).AtMost(goalKilobytes));
            var (spent, heartbeats) = await SpendAsync(fleet, run.Choose(60, 10));
            run.Add(new Figure($"{count:N0} Links, {line}", "µs of API processor time per Link and second", Spread.One(spent * 1e6 / count)) { Charted = false });
            run.Say($"{heartbeats:0.0} heartbeats/s");
            if (count == Math.Min(10_000, counts[^1]) && !(run.Quick && line == Tls))
                await RestartAsync(run, fleet, line, count);
        }
        if (!(run.Quick && line == Tls))
            await MeasureHeartbeatAsync(run, fleet, line);
    }

    /// <returns>Kilobytes for each WebSocket of a server that holds them and does nothing else.</returns>
    async Task<double> MeasureBareAsync(Run run, int[] counts)
    {
        run.Say(BareSockets.Name);
        var sockets = run.Own(await BareSockets.StartAsync(tls));
        List<long> resident = [];
        foreach (var count in counts[..2])
        {
            await sockets.GrowAsync(count);
            await Task.Delay(TimeSpan.FromSeconds(run.Choose(30, 5)));
            resident.Add(sockets.ResidentBytes);
        }
        await run.EndAsync(sockets);
        return (resident[1] - resident[0]) / 1024.0 / (counts[1] - counts[0]);
    }

    static async Task RestartAsync(Run run, Fleet fleet, string line, int count)
    {
        foreach (var inOrder in run.Choose<bool[]>([true, false], [true]))
        {
            var what = $"{count:N0} Links, {line}, back after {(inOrder ? "an orderly restart" : "kill -9")}";
            run.Say(what);
            await fleet.AskAsync("mark");
            await fleet.RestartAsync(inOrder);
            await fleet.AskAsync("wait", seconds: 180);
            // Those that are back stay.
            await Task.Delay(TimeSpan.FromSeconds(run.Choose(15, 2)));
            var state = await fleet.AskAsync("state");
            run.Add(new Figure(what, "s, half of them", Spread.One(state.Back50)) { Charted = false });
            run.Add(new Figure(what, "s, 99 %", Spread.One(state.Back99)) { Charted = false }.AtMost(60));
            run.Add(new Figure(what, "s, all", Spread.One(state.BackAll)) { Charted = false }.AtMost(90));
            run.Add(new Figure(what, "Links lost", Spread.One(count - state.Connected)) { Charted = false }.AtMost(0));
            run.Add(new Figure(what, "sessions that ended again", Spread.One(state.LostAgain)) { Charted = false }.AtMost(0));
            run.Add(new Figure(what, "tokens asked for", Spread.One(state.TokensAsked)) { Charted = false });
            run.Say(string.Create(CultureInfo.InvariantCulture, $"99 % after {state.Back99:0.0} s, all after {state.BackAll:0.0} s; {state.FailedAttempts} attempts failed{(state.LastError is { } e ? $", the last: {e}" : "")}"));
        }
    }

    /// <summary>The same fleet with frequent heartbeats and with rare ones: the difference is theirs.</summary>
    static async Task MeasureHeartbeatAsync(Run run, Fleet fleet, string line)
    {
        List<(double Spent, double Heartbeats)> both = [];
        foreach (var seconds in (int[])[2, 300])
        {
            await fleet.RestartAsync(inOrder: true, heartbeatSeconds: seconds);
            await fleet.AskAsync("wait", seconds: 180);
            await Task.Delay(TimeSpan.FromSeconds(run.Choose(15, 3)));
            both.Add(await SpendAsync(fleet, run.Choose(30, 6)));
        }
        var (often, rarely) = (both[0], both[1]);
        var each = 1e6 * (often.Spent - rarely.Spent) / Math.Max(1, often.Heartbeats - rarely.Heartbeats);
        run.Add(new Figure($"one heartbeat, {line}", "µs of API processor time", Spread.One(each)) { Charted = false });
    }

    /// <returns>Processor seconds of the API, and heartbeats, for each second.</returns>
    static async Task<(double Spent, double Heartbeats)> SpendAsync(Fleet fleet, int seconds)
    {
        var (before, heartbeats, start) = (ProcessUsage.Of(fleet.Api.Process.Id), (await fleet.AskAsync("state")).Heartbeats, Stopwatch.GetTimestamp());
        await Task.Delay(TimeSpan.FromSeconds(seconds));
        var spent = ProcessUsage.Of(fleet.Api.Process.Id).ProcessorSeconds - before.ProcessorSeconds;
        var more = (await fleet.AskAsync("state")).Heartbeats - heartbeats;
        var took = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return (spent / took, more / took);
    }

    /// <summary>A few are needed for other things.</summary>
    static int DescriptorsFor() => (int)Math.Clamp(DescriptorLimit() - 1_000, 11_000, 25_000);

    static long DescriptorLimit()
    {
        var line = File.ReadLines("/proc/self/limits").FirstOrDefault(l => l.StartsWith("Max open files", StringComparison.Ordinal));
        return line is not null && long.TryParse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3], out var limit) ? limit : 20_000;
    }
}

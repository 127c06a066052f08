using System.Net.WebSockets;
using System.Text.Json;
using Halo.Bench.IdleLinks;

// Links that are connected and do nothing, as many as asked for: a line of JSON in, a line of JSON out.
using var door = new Door(new Uri(args[0]));
var counts = new FleetCounts();
var links = new List<IdleLink>();
List<WebSocket> held = [];
var running = 0;
while (await Console.In.ReadLineAsync() is { } line)
{
    var order = JsonSerializer.Deserialize<FleetOrder>(line)!;
    switch (order.Do)
    {
        case "enrol":
            var fresh = Enumerable.Range(links.Count, Math.Max(0, order.Count - links.Count)).Select(i => new IdleLink(i, door, counts)).ToList();
            await Parallel.ForEachAsync(fresh, new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (link, _) => await link.EnrolAsync());
            links.AddRange(fresh);
            break;
        case "connect":
            for (; running < links.Count; running++)
            {
                _ = links[running].RunAsync();
                // A clinic here, a clinic there: all at once is what a restart is for.
                if (running % 32 == 0)
                    await Task.Delay(20);
            }
            break;
        case "hold":
            while (held.Count < order.Count)
                held.AddRange((await Task.WhenAll(Enumerable.Range(0, Math.Min(32, order.Count - held.Count)).Select(_ => door.OpenAsync("none")))).Select(opened => opened.Socket));
            break;
        case "mark":
            counts.Mark();
            break;
        case "wait":
            await counts.WaitAsync(links.Count, TimeSpan.FromSeconds(order.Seconds));
            break;
    }
    Console.WriteLine(JsonSerializer.Serialize(counts.Tell(links.Count)));
}

using System.Text;
using System.Text.Json;
using Halo.Bench.Load;

// A line of JSON in, a line of JSON out. Connections stay open from one order to the next.
var open = new Dictionary<string, List<ICaller>>();
while (Console.ReadLine() is { } line)
{
    var order = JsonSerializer.Deserialize<LoadOrder>(line)!;
    var target = $"{order.Port} {order.ConnectionString} {order.Sql} {string.Concat(order.Requests ?? [])}";
    if (!open.TryGetValue(target, out var callers))
        open[target] = callers = [];
    while (callers.Count < order.Callers)
        callers.Add(Make(order));
    var result = new ClosedLoop(callers[..order.Callers], order).Run();
    Console.WriteLine(JsonSerializer.Serialize(result));
}
foreach (var caller in open.Values.SelectMany(c => c))
    caller.Dispose();

static ICaller Make(LoadOrder order) => order.Requests is { } requests
    ? new HttpCaller(order.Port, [.. requests.Select(Encoding.UTF8.GetBytes)])
    : new PostgresCaller(order.ConnectionString!, order.Sql!);

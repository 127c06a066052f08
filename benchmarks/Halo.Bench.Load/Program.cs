using System.Text;
using System.Text.Json;
using Halo.Bench.Load;

// A line of JSON in, a line of JSON out. Connections stay open from one order to the next.
var open = new Dictionary<string, List<ICaller>>();
while (Console.ReadLine() is { } line)
{
    var order = JsonSerializer.Deserialize<LoadOrder>(line)!;
    var target = order.ConnectionString ?? $"{order.Port} {string.Concat(order.Requests!)}";
    if (!open.TryGetValue(target, out var callers))
        open[target] = callers = [];
    while (callers.Count < order.Callers)
        callers.Add(order.ConnectionString is { } database ? new PostgresCaller(database) : new HttpCaller(order.Port, [.. order.Requests!.Select(Encoding.UTF8.GetBytes)]));
    foreach (var caller in callers.OfType<PostgresCaller>())
        caller.Sql = order.Sql!;
    foreach (var caller in callers[..order.Callers].OfType<HttpCaller>())
        caller.ForgetClosed();
    Console.WriteLine(JsonSerializer.Serialize(new ClosedLoop(callers[..order.Callers], order).Run()));
}
foreach (var caller in open.Values.SelectMany(c => c))
    caller.Dispose();

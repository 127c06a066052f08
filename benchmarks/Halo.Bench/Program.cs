using System.Runtime.InteropServices;
using Halo.Bench;
using Halo.Bench.Gates;
using Halo.Bench.Reporting;
using Halo.Bench.Scenarios;
using Halo.Testing;

IScenario[] all = [new Immediate(), new Export(), new SlowUplink(), new BusyUplink(), new Writes(), new IdleFleet(tls: false), new IdleFleet(tls: true), new OneLink(), new ColdStart(), new Million(), new Growth(), new SqlServer(), new Micro()];
Arguments arguments;
try
{
    arguments = Arguments.Read(args);
    if (arguments.Help)
    {
        Console.WriteLine(Arguments.Usage);
        return 0;
    }
    if (arguments.Scenarios.FirstOrDefault(n => !all.Any(s => s.Name == n)) is { } unknown)
        throw new FormatException($"No such scenario: {unknown}");
}
catch (FormatException e)
{
    Console.Error.WriteLine($"bench: {e.Message}{Environment.NewLine}{Arguments.Usage}");
    return 2;
}
if (arguments.List)
{
    foreach (var scenario in all)
        Console.WriteLine($"{scenario.Name,-18} {scenario.Summary}");
    return 0;
}
if (PostgresServer.Missing is { } missing)
{
    Console.Error.WriteLine($"bench: {missing}");
    return 2;
}
IReadOnlyList<IScenario> wanted = arguments.Against is { } other ? [new Builds(other)] : arguments.Scenarios.Count == 0 ? all : [.. all.Where(s => arguments.Scenarios.Contains(s.Name))];
var directory = Path.GetFullPath(arguments.Out ?? Path.Combine(Repository.Root, "out", "bench"));
if (arguments.Gate)
    return await new Gate(arguments.Accept).RunAsync() ? 0 : 1;
var suite = new Suite(wanted, arguments.Quick, new Results(directory));
using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, Abandon);
using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Abandon);
var whole = await suite.RunAsync();
Console.WriteLine($"Tables, figures and charts are in {directory}.");
return whole ? 0 : 1;

void Abandon(PosixSignalContext context)
{
    context.Cancel = true;
    suite.AbandonAsync().AsTask().Wait(TimeSpan.FromSeconds(20));
    Environment.Exit(130);
}

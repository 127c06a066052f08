using Halo.Bench;
using Halo.Testing;
using Halo.Testing.Processes;

if (args is not ([] or ["--quick"]))
{
    Console.Error.WriteLine("Usage: dotnet run -c Release --project bench/Halo.Bench [-- --quick]");
    return 2;
}
var (rounds, calls, exports, rows) = args is ["--quick"] ? (2, 640, 1, 100_000) : (6, 3_200, 3, 1_000_000);
if (!AppContext.BaseDirectory.Contains("Release", StringComparison.Ordinal))
    Console.WriteLine("Debug build: the figures mean little. Use -c Release.");

await using var postgres = PostgresServer.Missing is null ? await PostgresServer.StartAsync() : null;
if (postgres is null)
    Console.WriteLine(PostgresServer.Missing);
Console.WriteLine($"{Environment.ProcessorCount} processors, {rounds} rounds of {calls} calls, {exports} exports; API's store: SQLite, durable.");
Console.WriteLine();
Console.WriteLine("| database | what | way | | | |");
Console.WriteLine("| --- | --- | --- | --- | --- | --- |");
foreach (var engine in postgres is null ? (string[])["sqlite"] : ["sqlite", "postgres"])
{
    await using var fixture = await HaloFixture.StartAsync();
    var practice = new Practice(engine, engine == "sqlite" ? fixture.SqliteFile() : await postgres!.CreateDatabaseAsync());
    var (link, site, integrator) = await fixture.AddPairedAsync(new LinkSite(engine, practice.ConnectionString));
    var benchmarks = new Benchmarks(practice, fixture, link, site.Id, integrator, Console.Out);
    await benchmarks.ImmediateAsync(rounds, calls);
    await benchmarks.ExportAsync(exports, rows);
}
return 0;

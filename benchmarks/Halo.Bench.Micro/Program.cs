using System.Text.Json;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Halo.Bench.Micro;

// First argument: where the figures go, as JSON. --allocations: counted alone. --quick: few and short iterations.
if (args is not [var file, ..])
{
    Console.Error.WriteLine("Usage: Halo.Bench.Micro FILE [--allocations | --quick]");
    return 2;
}
IReadOnlyList<MicroFigure> figures;
try
{
    figures = args.Contains("--allocations") ? await Allocations.CountAsync() : Measure(args.Contains("--quick"));
}
finally
{
    await RowBenchmarks.StopServerAsync();
}
await File.WriteAllTextAsync(file, JsonSerializer.Serialize(figures));
return 0;

static IReadOnlyList<MicroFigure> Measure(bool quick)
{
    var job = (quick ? Job.Default.WithWarmupCount(1).WithIterationCount(3).WithInvocationCount(1).WithUnrollFactor(1) : Job.Default.WithWarmupCount(4).WithIterationCount(12))
        .WithToolchain(InProcessEmitToolchain.Instance);
    var artifacts = Directory.CreateTempSubdirectory("halo-micro-").FullName;
    var configuration = ManualConfig.CreateEmpty().AddJob(job).AddDiagnoser(MemoryDiagnoser.Default).AddLogger(NullLogger.Instance)
        .AddColumnProvider(DefaultColumnProviders.Instance).WithArtifactsPath(artifacts).WithOptions(ConfigOptions.DisableLogFile);
    try
    {
        Type[] all = [typeof(FrameBenchmarks), typeof(RowBenchmarks), typeof(PageBenchmarks), typeof(KeyBenchmarks), typeof(LedgerBenchmarks)];
        return [.. all.SelectMany(type => BenchmarkRunner.Run(type, configuration).Reports).Select(report => new MicroFigure(
            string.Join(", ", [report.BenchmarkCase.Descriptor.WorkloadMethodDisplayInfo.Trim('\''), .. report.BenchmarkCase.Parameters.Items.Select(p => $"{p.Name.ToLowerInvariant()} {p.Value}")]),
            report.ResultStatistics?.Median ?? throw new InvalidOperationException($"{report.BenchmarkCase.DisplayInfo} failed."),
            report.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase) ?? 0))];
    }
    finally
    {
        Directory.Delete(artifacts, recursive: true);
    }
}

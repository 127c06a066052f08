using System.Buffers;
using System.Text;
using BenchmarkDotNet.Attributes;
using Halo.Link.Files;
using Halo.Link.Pages;

namespace Halo.Bench.Micro;

/// <summary>Rows of about 200 bytes cut into pages of a megabyte: compressed, encrypted, written to the spool.</summary>
public class PageBenchmarks
{
    public const int Rows = 20_000;
    readonly byte[][] _rows = [.. Enumerable.Range(0, Rows).Select(i => Encoding.UTF8.GetBytes(
        $$"""{"id":{{i}},"name":"Patient {{i}}","born":"19{{i % 90 + 10}}-03-05","active":true,"balance":{{i}}.25,"seen":"2026-01-01T00:{{i % 60:00}}:00Z","token":"{{Guid.NewGuid()}}","note":"note on {{i % 500}}","age":{{i % 97}}}"""))];

    string _directory = "";
    Spool? _spool;

    [GlobalSetup]
    public void SetUp()
    {
        _directory = Directory.CreateTempSubdirectory("halo-micro-").FullName;
        _spool = new Spool(_directory, LocalKey.Open(_directory), new SpoolOptions(), TimeProvider.System);
    }

    [GlobalCleanup]
    public void CleanUp() => Directory.Delete(_directory, recursive: true);

    [Benchmark(OperationsPerInvoke = Rows, Description = "row of 200 bytes: into a page")]
    public int Cut() => CutAsync().GetAwaiter().GetResult();

    public async Task<int> CutAsync()
    {
        await using var sink = new PageSink(_spool!, Guid.NewGuid(), 1 << 20, static _ => { }, static _ => { });
        await sink.BeginAsync([], default);
        foreach (var row in _rows)
        {
            sink.BeginRow();
            sink.Buffer.Write(row);
            await sink.EndRowAsync(default);
        }
        await sink.EndAsync(default);
        _spool!.RemoveAllBut(new HashSet<Guid>());
        return sink.PageCount;
    }
}

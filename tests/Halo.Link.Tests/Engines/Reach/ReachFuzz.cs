using System.Globalization;
using Halo.Contracts.Queries;
using Halo.Link.Engines;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Tests.Engines.Reach;

/// <summary>Tries text after text, one after the other, and looks around now and then.</summary>
static class ReachFuzz
{
    const int BetweenLooks = 100;

    static int Number(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : otherwise;

    /// <param name="one">Runs a text, and looks what the next query finds.</param>
    /// <param name="around">Looks at what is outside.</param>
    public static async Task TryAsync(FuzzText grammar, ITestOutputHelper output, Func<QueryCommand, int, Task<ExecutionResult>> one, Func<Task> around)
    {
        var seed = Number("HALO_FUZZ_SEED", 1);
        var count = Number("HALO_FUZZ_REACH", 400);
        var endings = new Dictionary<(Ending, Executed), int>();
        for (var number = 0; number < count; number++)
        {
            var text = grammar.Make(seed, number);
            try
            {
                var result = await one(text, number);
                endings[(result.Ending, result.Executed)] = endings.GetValueOrDefault((result.Ending, result.Executed)) + 1;
                if (number % BetweenLooks == BetweenLooks - 1 || number == count - 1)
                    await around();
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                throw new InvalidOperationException($"HALO_FUZZ_SEED={seed}, text {number} ({text.ExecutionMode}): {Show(text.Text)}\n{e.Message}", e);
            }
        }
        // Both must have come: texts that read, and texts that were refused.
        Assert.Contains((Ending.Failed, Executed.No), endings.Keys);
        Assert.Contains((Ending.Successful, Executed.Yes), endings.Keys);
        output.WriteLine($"HALO_FUZZ_SEED={seed}: {string.Join(", ", endings.Select(e => $"{e.Key} {e.Value}"))}");
    }

    static string Show(string text) => string.Concat(text.Select(c => c is >= ' ' and < (char)127 ? c.ToString() : FormattableString.Invariant($"\\u{(int)c:x4}")));
}

/// <summary>A folder in which nothing may appear, that the database's server could write to.</summary>
sealed class ReachFolder : IDisposable
{
    public ReachFolder()
    {
        Path = Directory.CreateTempSubdirectory("halo-reach-").FullName;
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(Path, (UnixFileMode)0b111_111_111);
    }

    public string Path { get; }

    public string[] Files() => Directory.GetFileSystemEntries(Path);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}

using System.Collections.Concurrent;
using System.Globalization;

namespace Halo.Soak.World;

/// <summary>What happened when, in a file that is kept where something was found; and what was counted and found.</summary>
sealed class Notebook : IDisposable
{
    readonly StreamWriter _file;
    readonly long _start = TimeProvider.System.GetTimestamp();
    readonly ConcurrentDictionary<string, long> _counts = new();
    readonly ConcurrentQueue<string> _defects = new();

    public Notebook(int seed)
    {
        Path = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"halo-soak-{seed}-{Environment.ProcessId}.log");
        _file = new(Path) { AutoFlush = true };
    }

    public string Path { get; }

    public IReadOnlyCollection<string> Defects => _defects;

    public IEnumerable<KeyValuePair<string, long>> Counts => _counts.OrderBy(c => c.Key, StringComparer.Ordinal);

    public void Note(string what)
    {
        var at = TimeProvider.System.GetElapsedTime(_start);
        lock (_file)
            _file.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{TimeProvider.System.GetUtcNow():HH:mm:ss.fff} {at.TotalSeconds,8:0.000} {what}"));
    }

    public void Count(string what, long by = 1) => _counts.AddOrUpdate(what, by, (_, n) => n + by);

    public void Highest(string what, long value) => _counts.AddOrUpdate(what, value, (_, n) => Math.Max(n, value));

    public void Defect(string what)
    {
        Note("DEFECT " + what);
        Console.WriteLine("DEFECT " + what);
        _defects.Enqueue(what);
    }

    public void Dispose()
    {
        _file.Dispose();
        if (_defects.IsEmpty)
            File.Delete(Path);
    }
}

using System.Diagnostics;

namespace Halo.Link.Files;

/// <summary>This start of the Link, and which starts before it on the same data directory are surely over.</summary>
/// <remarks>
/// That tells a restart from a clone, which neither the data directory nor the machine's id does: both are copied with a disk. A run is
/// surely over where it wrote down its end, or where the same boot of the machine has no process of its number any more.
/// </remarks>
sealed class Runs
{
    const string FileName = "run.json";
    const string BootIdFile = "/proc/sys/kernel/random/boot_id";
    const int MostBefore = 16;

    readonly DataDirectory _directory;
    readonly RunRecord _present;

    Runs(DataDirectory directory, RunRecord present) => (_directory, _present) = (directory, present);

    /// <summary>Of this start.</summary>
    public Guid Id => _present.RunId;

    /// <summary>The latest first.</summary>
    public IReadOnlyList<Guid> Before => _present.Before;

    /// <summary>Writes down that a run begins. A disk that is full hinders nothing: the run is then not known to follow another.</summary>
    public static Runs Begin(DataDirectory directory, TimeProvider time) => Begin(directory, time, BootId(), IsAlive);

    internal static Runs Begin(DataDirectory directory, TimeProvider time, string? boot, Func<int, bool> isAlive)
    {
        var last = directory.ReadCopy(FileName, LinkFilesJson.Default.RunRecord);
        var over = last is not null && (last.Ended || boot is not null && last.BootId == boot && !isAlive(last.ProcessId));
        var runs = new Runs(directory, new(Guid.CreateVersion7(time.GetUtcNow()), boot, Environment.ProcessId, Ended: false,
            over ? [.. last!.Before.Prepend(last.RunId).Take(MostBefore)] : []));
        runs.Write(runs._present);
        return runs;
    }

    /// <summary>Writes down that it has ended: nothing is said to the API after this.</summary>
    public void End() => Write(_present with { Ended = true });

    void Write(RunRecord record)
    {
        try
        {
            _directory.Write(FileName, record, LinkFilesJson.Default.RunRecord);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Said by what needs the disk more.
        }
    }

    static string? BootId()
    {
        try
        {
            return File.Exists(BootIdFile) ? File.ReadAllText(BootIdFile).Trim() : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    static bool IsAlive(int processId)
    {
        try
        {
            using var process = Process.GetProcessById(processId);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}

/// <summary>A run as it is written down.</summary>
/// <param name="RunId">Its id.</param>
/// <param name="BootId">Of the boot of the machine; null where the system has none.</param>
/// <param name="ProcessId">Of its process.</param>
/// <param name="Ended">Whether it came to its end in order.</param>
/// <param name="Before">Runs before it that are surely over, the latest first.</param>
sealed record RunRecord(Guid RunId, string? BootId, int ProcessId, bool Ended, IReadOnlyList<Guid> Before);

using System.Globalization;
using System.Runtime.InteropServices;
using Halo.Bench.Stands;
using Npgsql;

namespace Halo.Bench.Reporting;

/// <summary>On what and with what was measured.</summary>
sealed record Header(string Date, string Machine, string Versions, string Durability, string Load)
{
    public static Header Here(bool quick) => new(
        DateTimeOffset.UtcNow.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture),
        $"{Processor()}, {Environment.ProcessorCount} processors shared by programs, database and driver; {Memory()}; {RuntimeInformation.OSDescription.Trim()}; temporary files on {FileSystem()}; load before the run {Load1()}",
        $".NET {Environment.Version}; {Postgres()}; Npgsql {typeof(NpgsqlConnection).Assembly.GetName().Version?.ToString(3)}; {Built()}",
        "API's store SQLite in WAL mode, synchronous=FULL; Link's journal the same; PostgreSQL fsync=on, synchronous_commit=on. Settings otherwise the programs' defaults",
        quick ? "quick: few and short rounds" : "full");

    static string Processor() => Field("/proc/cpuinfo", "model name") ?? RuntimeInformation.ProcessArchitecture.ToString();

    static string Memory() => $"{GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (double)(1 << 30):0} GiB";

    static string Load1() => File.Exists("/proc/loadavg") ? File.ReadAllText("/proc/loadavg").Split(' ')[0] : "unknown";

    static string FileSystem()
    {
        var drive = DriveInfo.GetDrives().Where(d => Path.GetTempPath().StartsWith(d.Name, StringComparison.Ordinal)).MaxBy(d => d.Name.Length);
        return drive?.DriveFormat ?? "unknown";
    }

    static string Postgres()
    {
        var binary = Programs.Find("postgres");
        var version = binary is null ? null : Directory.GetParent(binary)?.Parent?.Name;
        return $"PostgreSQL {version}";
    }

    static string Built() => AppContext.BaseDirectory.Contains("Release", StringComparison.Ordinal) ? "Release builds" : "DEBUG BUILDS: the figures mean little";

    static string? Field(string file, string name) => File.Exists(file)
        ? File.ReadLines(file).FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal))?.Split(':', 2)[1].Trim()
        : null;
}

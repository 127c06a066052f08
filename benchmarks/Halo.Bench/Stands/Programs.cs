using Halo.Testing;

namespace Halo.Bench.Stands;

/// <summary>Where the built programs are.</summary>
static class Programs
{
    /// <summary>The program that <c>benchmarks/{project}</c> builds, in the harness's own configuration.</summary>
    public static string Of(string project)
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        var path = Path.Combine(Repository.Root, "benchmarks", project, "bin", own.Parent!.Name, own.Name, project + ".dll");
        return File.Exists(path) ? path : throw new InvalidOperationException($"{path} is missing: build {project} first.");
    }

    /// <summary>A program of the system; null where there is none.</summary>
    public static string? Find(string name)
    {
        var versions = Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql").OrderDescending().Select(d => Path.Combine(d, "bin"))
            : [];
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        return versions.Concat(path).Concat(["/usr/sbin", "/usr/local/sbin"]).Select(d => Path.Combine(d, name)).FirstOrDefault(File.Exists);
    }
}

namespace Halo.Testing;

/// <summary>Where things stand around the running test program.</summary>
public static class Repository
{
    /// <summary>The directory that holds <c>Halo.slnx</c>.</summary>
    public static string Root { get; } = Above(d => File.Exists(Path.Combine(d, "Halo.slnx")))
        ?? throw new InvalidOperationException("Halo.slnx was not found above " + AppContext.BaseDirectory);

    /// <summary>The program that <c>src/{project}</c> builds, in the configuration that the running test was built in.</summary>
    /// <remarks><c>HALO_PROGRAMS</c> names a directory of published programs that are taken instead: what <c>./build</c> makes in <c>out</c>.</remarks>
    public static string Program(string project, string name) => PublishedPrograms is { } published
        ? Path.Combine(Path.GetFullPath(published, Root), name, name + ".dll")
        : Built("src", project, name);

    /// <summary>Whether programs are taken that were published, as they are installed: they warm up when they start, unlike those that a build has just made.</summary>
    public static bool TakesPublished => PublishedPrograms is not null;

    /// <summary>Where published programs are that are taken, each in a directory of its name; null: those that were built with this one.</summary>
    public static string? PublishedPrograms { get; set; } = Environment.GetEnvironmentVariable("HALO_PROGRAMS") is { Length: > 0 } named ? named : null;

    /// <summary>The program that <c>tests/{project}</c> builds.</summary>
    public static string TestProgram(string project) => Built("tests", project, project);

    /// <summary>The program that <c>samples/{project}</c> builds.</summary>
    public static string SampleProgram(string project) => Built("samples", project, project);

    static string Built(string folder, string project, string name)
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        var path = Path.Combine(Root, folder, project, "bin", own.Parent!.Name, own.Name, name + ".dll");
        return File.Exists(path) ? path : throw new InvalidOperationException($"{path} is missing: build {project} first.");
    }

    /// <summary>
    /// The directory <c>shared/{path}</c>: under HALO_SHARED, or beside a directory above this one; null where there is none.
    /// </summary>
    public static string? Shared(string path)
    {
        var root = Environment.GetEnvironmentVariable("HALO_SHARED") is { Length: > 0 } named
            ? named
            : Above(d => Directory.Exists(Path.Combine(d, "shared"))) is { } above ? Path.Combine(above, "shared") : null;
        return root is not null && Directory.Exists(Path.Combine(root, path)) ? Path.Combine(root, path) : null;
    }

    static string? Above(Func<string, bool> holds)
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
            if (holds(directory.FullName))
                return directory.FullName;
        return null;
    }
}

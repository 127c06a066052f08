using Halo.Testing;

namespace Halo.Bench.Stands;

/// <summary>The programs of another build: of a commit, built in a worktree that is gone when this is disposed of, or of a directory.</summary>
sealed class OtherBuild : IAsyncDisposable
{
    readonly string? _worktree;

    OtherBuild(string programs, string? worktree) => (Programs, _worktree) = (programs, worktree);

    /// <summary>A directory with <c>halo-api</c> and <c>halo-link</c>.</summary>
    public string Programs { get; }

    /// <param name="build">A directory, or whatever git takes for a commit of this repository.</param>
    public static async Task<OtherBuild> OfAsync(string build)
    {
        if (Directory.Exists(Path.Combine(build, "halo-api")) && Directory.Exists(Path.Combine(build, "halo-link")))
            return new(Path.GetFullPath(build), null);
        if (Directory.Exists(build))
            throw new InvalidOperationException($"{build} has no halo-api and halo-link: give the directory that ./build fills, or a commit.");
        var worktree = Path.Combine(Path.GetTempPath(), $"halo-build-{Guid.NewGuid():N}");
        var other = new OtherBuild(Path.Combine(worktree, "out"), worktree);
        try
        {
            await Child.RunAsync("git", "-C", Repository.Root, "worktree", "add", "--detach", worktree, build);
            // As this build is made, and not as ./build publishes: compiled ahead of time, the first rounds would be other work.
            foreach (var (project, name) in ((string, string)[])[("Halo.Api", "halo-api"), ("Halo.Link", "halo-link")])
                await Child.RunAsync(Child.Dotnet, "build", Path.Combine(worktree, "src", project), "-c", "Release", "-o", Path.Combine(other.Programs, name), "--nologo", "-v", "quiet");
            return other;
        }
        catch
        {
            await other.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_worktree is not null && Directory.Exists(_worktree))
            await Child.RunAsync("git", "-C", Repository.Root, "worktree", "remove", "--force", _worktree);
    }
}

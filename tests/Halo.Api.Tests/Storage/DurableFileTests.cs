using Halo.Api.Storage;
using Halo.Api.Tests.Hosting;
using Halo.Line;
using Microsoft.Extensions.DependencyInjection;

namespace Halo.Api.Tests.Storage;

public sealed class DurableFileTests : IDisposable
{
    readonly string _path = Directory.CreateTempSubdirectory("halo-durable-").FullName;

    public void Dispose() => Directory.Delete(_path, recursive: true);

    [Fact]
    public async Task Of_many_that_make_a_file_at_once_one_alone_succeeds_and_its_content_stays()
    {
        for (var round = 0; round < 50; round++)
        {
            var file = Path.Combine(_path, $"{round}.key");
            using var start = new Barrier(4);
            var made = await Task.WhenAll(Enumerable.Range(0, 4).Select(i => Task.Factory.StartNew(() =>
            {
                start.SignalAndWait();
                return DurableFile.TryCreateOwnerOnly(file, $"{i}");
            }, default, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
            Assert.Equal($"{Array.IndexOf(made, true)}", (await File.ReadAllTextAsync(file)).Trim());
            Assert.Single(made, m => m);
        }
        Assert.Equal(50, Directory.GetFiles(_path).Length);
    }

    [Fact]
    public async Task Everything_in_the_data_directory_is_for_the_services_account_alone()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Windows has access lists instead, inherited from the directory. Run it on Linux.");
            return;
        }
        await using var host = await ApiHost.StartAsync();
        var directory = host.Services.GetRequiredService<DataDirectory>().Path;
        Assert.Contains("halo.db", Directory.GetFiles(directory).Select(Path.GetFileName));
        foreach (var file in Directory.GetFiles(directory, "*", SearchOption.AllDirectories))
            Assert.Equal((file, UnixFileMode.UserRead | UnixFileMode.UserWrite), (file, File.GetUnixFileMode(file)));
        foreach (var inside in Directory.GetDirectories(directory, "*", SearchOption.AllDirectories))
            Assert.Equal((inside, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute), (inside, File.GetUnixFileMode(inside)));
    }
}

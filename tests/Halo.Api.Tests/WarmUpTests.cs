using Halo.Api.Settings;
using Halo.Api.Storage;
using Halo.Testing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;

namespace Halo.Api.Tests;

/// <summary>How long a start spends on queries of its own; what it leaves is shown by the system tests of the same name.</summary>
public sealed class WarmUpTests : IDisposable
{
    readonly string _directory = Directory.CreateTempSubdirectory("halo-warm-up-").FullName;

    [Theory]
    [InlineData(1)]
    [InlineData(2000)]
    [InlineData(60_000)]
    public async Task A_start_spends_no_longer_on_it_than_it_may(int warmUpMs)
    {
        var time = new ManualTime();
        // By a clock that stands the compiler never comes to rest.
        var running = WarmUp.RunAsync(Options(warmUpMs), NullLogger.Instance, time);
        await Task.WhenAny(running, Task.Delay(TimeSpan.FromMilliseconds(500), TestContext.Current.CancellationToken));
        Assert.False(running.IsCompleted);
        time.Advance(TimeSpan.FromMilliseconds(warmUpMs));
        await running.WaitAsync(Eventually.Limit, TestContext.Current.CancellationToken);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_directory));
    }

    [Fact]
    public async Task Without_time_it_does_nothing()
    {
        await WarmUp.RunAsync(Options(0), NullLogger.Instance, new ManualTime());
        Assert.Empty(Directory.EnumerateFileSystemEntries(_directory));
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    ApiOptions Options(int warmUpMs) => ApiOptions.Read(new ConfigurationBuilder()
        .AddInMemoryCollection([new("Halo:DataDirectory", _directory), new("Halo:WarmUpMs", $"{warmUpMs}")]).Build());
}

using Halo.Link.Settings;
using Halo.Link.Tests.Session;
using Halo.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Tests.Hosting;

/// <summary>How the process ends, whatever its parts do.</summary>
public sealed class LinkProcessTests : IDisposable
{
    const int Ended = 2007;

    readonly LogLines _log = new();

    [Fact]
    public async Task Told_to_stop_it_ends_in_order()
    {
        var (started, stopped) = (new TaskCompletionSource(), new TaskCompletionSource());
        using var host = Build(new Loop(async stop =>
        {
            started.SetResult();
            await Task.Delay(Timeout.Infinite, stop).ContinueWith(_ => { }, TaskScheduler.Default);
            stopped.SetResult();
        }));
        var running = LinkProcess.RunAsync(host, TimeProvider.System);
        await started.Task;
        host.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        Assert.Equal(0, await running);
        Assert.True(stopped.Task.IsCompleted);
        Assert.Empty(_log.Of(Ended));
    }

    [Fact]
    public async Task A_loop_that_fails_ends_it_with_an_error_that_is_logged()
    {
        using var host = Build(new Loop(_ => Task.FromException(new InvalidOperationException("a fault"))));
        Assert.Equal(1, await LinkProcess.RunAsync(host, TimeProvider.System));
        Assert.Contains(nameof(InvalidOperationException), Assert.Single(_log.Of(Ended)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_loop_that_fails_while_it_ends_is_an_error_too()
    {
        var started = new TaskCompletionSource();
        using var host = Build(new Loop(async stop =>
        {
            started.SetResult();
            await Task.Delay(Timeout.Infinite, stop).ContinueWith(_ => { }, TaskScheduler.Default);
            throw new InvalidOperationException("a fault");
        }));
        var running = LinkProcess.RunAsync(host, TimeProvider.System);
        await started.Task;
        host.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        Assert.Equal(1, await running);
        Assert.Contains(nameof(InvalidOperationException), Assert.Single(_log.Of(Ended)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_loop_that_fails_ends_it_with_an_error_also_where_another_part_hangs_when_it_is_disposed()
    {
        using var never = new ManualResetEventSlim();
        var host = Build(new Loop(_ => Task.FromException(new InvalidOperationException("a fault"))), new Hanging(onDispose: never));
        Assert.Equal(1, await LinkProcess.RunAsync(host, TimeProvider.System));
        Assert.Single(_log.Of(Ended));
        never.Set();
    }

    [Fact]
    public async Task A_part_that_hangs_when_it_is_stopped_does_not_keep_it()
    {
        var host = Build(new Hanging(onDispose: null));
        var running = LinkProcess.RunAsync(host, TimeProvider.System);
        await Eventually.BecomesAsync(() => Task.FromResult(host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStarted.IsCancellationRequested), started => started);
        host.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        Assert.Equal(0, await running);
    }

    [Fact]
    public async Task A_start_with_faulty_settings_is_for_the_caller_to_explain()
    {
        using var host = Build(new Faulty());
        var e = await Assert.ThrowsAsync<SettingsException>(() => LinkProcess.RunAsync(host, TimeProvider.System));
        Assert.Equal("dataDirectory", Assert.Single(e.Faults).Name);
        Assert.Empty(_log.Of(Ended));
    }

    [Fact]
    public async Task Told_to_stop_before_it_has_started_it_ends_in_order()
    {
        using var host = Build(new Hanging(onDispose: null));
        host.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        Assert.Equal(0, await LinkProcess.RunAsync(host, TimeProvider.System));
        Assert.Empty(_log.Of(Ended));
    }

    public void Dispose() => _log.Dispose();

    IHost Build(params IHostedService[] parts)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new());
        builder.Logging.AddProvider(_log).AddFilter("Microsoft", LogLevel.None);
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        foreach (var part in parts)
            builder.Services.AddSingleton(_ => part);
        return builder.Build();
    }

    sealed class Loop(Func<CancellationToken, Task> run) : BackgroundService
    {
        protected override Task ExecuteAsync(CancellationToken stoppingToken) => run(stoppingToken);
    }

    /// <summary>As a driver that heeds nothing.</summary>
    sealed class Hanging(ManualResetEventSlim? onDispose) : IHostedService, IDisposable
    {
        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => new TaskCompletionSource().Task;

        public void Dispose() => onDispose?.Wait(TestContext.Current.CancellationToken);
    }

    sealed class Faulty : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken) => Task.FromException(new SettingsException([new("dataDirectory", "in use")]));

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}

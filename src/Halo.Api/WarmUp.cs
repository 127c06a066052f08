using System.Net;
using Halo.Api.Integrators;
using Halo.Api.Settings;
using Halo.Line;
using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.Logging.Abstractions;

namespace Halo.Api;

/// <summary>
/// Before the service is built: the same service with a store of its own in a directory that is removed again, on a loopback port, with a Link that answers
/// without a database. It serves queries until its time is over, so that their whole way is compiled before the first caller comes.
/// </summary>
/// <remarks>
/// Nothing of it reaches the real store, logs, metrics or audit. Whatever goes wrong in it costs the first callers some time, and the start nothing.
/// With PostgreSQL as the store the driver's part is still compiled for the first callers.
/// </remarks>
static partial class WarmUp
{
    const string DirectoryName = "warm-up";

    /// <param name="options">The real service's: how long it may take, and where there is room.</param>
    /// <param name="log">The real service's.</param>
    public static async Task RunAsync(ApiOptions options, ILogger log, TimeProvider time)
    {
        var directory = Path.Combine(options.DataDirectory, DirectoryName);
        try
        {
            // Of a start that was cut off.
            Remove(directory);
            if (options.WarmUpMs == 0)
                return;
            using var limit = new CancellationTokenSource(TimeSpan.FromMilliseconds(options.WarmUpMs), time);
            var began = time.GetTimestamp();
            await ServeAsync(directory, time, limit.Token);
            LogWarmedUp(log, (long)time.GetElapsedTime(began).TotalMilliseconds);
        }
        catch (OperationCanceledException)
        {
            LogUnfinished(log, options.WarmUpMs);
        }
        catch (Exception e)
        {
            LogFailed(log, e);
        }
        finally
        {
            Remove(directory);
        }
    }

    static async Task ServeAsync(string directory, TimeProvider time, CancellationToken stop)
    {
        var builder = HaloApi.CreateBuilder([]);
        var sources = ((IConfigurationBuilder)builder.Configuration).Sources;
        sources.Clear();
        sources.Add(new MemoryConfigurationSource
        {
            InitialData =
            [
                new("urls", "http://127.0.0.1:0"),
                new("Logging:LogLevel:Default", "None"),
                new("Halo:DataDirectory", directory),
                new("Halo:Enrolment", "open"),
                new("Halo:WarmUpMs", "0"),
            ],
        });
        // Signals are the real service's.
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        await using var bootstrap = await HostBootstrap.CreateAsync(builder.Configuration, NullLogger.Instance, TimeProvider.System);
        await using var app = HaloApi.Build(builder, bootstrap);
        await app.StartAsync(stop);
        try
        {
            var address = new Uri(app.Urls.Single());
            await QueryAsync(app.Services, address, time, stop);
        }
        finally
        {
            await app.StopAsync(CancellationToken.None);
        }
    }

    static async Task QueryAsync(IServiceProvider services, Uri address, TimeProvider time, CancellationToken stop)
    {
        await using var link = await WarmUpLink.ConnectAsync(services, address, stop);
        var integrators = services.GetRequiredService<IntegratorRegistry>();
        var integrator = await integrators.CreateAsync(DirectoryName, new(null, DirectoryName, null));
        await integrators.PairAsync(integrator.Id, link.SiteId, new(null, DirectoryName, null));
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = address };
        http.DefaultRequestHeaders.Add(SubscriptionKey.Header, integrator.Keys.Primary);
        // What most clients send, and it has the answer's form chosen by them.
        http.DefaultRequestHeaders.Add("Accept", "*/*");
        http.DefaultRequestHeaders.Add("User-Agent", DirectoryName);
        var path = new Uri($"/integrator/sites/{link.SiteId}/queries/immediate", UriKind.Relative);
        var body = """{"command":{"text":"SELECT @n","executionMode":"reader","parameters":[{"name":"@n","type":"Int","value":"1"}]}}"""u8.ToArray();
        var asked = 0;
        await CompilerWarmUp.RunAsync(async () =>
        {
            if (asked++ % 10 == 0)
                await link.AskForWorkAsync(stop);
            using var content = new BodyInPackets(body, apart: asked % 2 == 0, stop);
            using var response = await http.PostAsync(path, content, stop);
            if (response.StatusCode != HttpStatusCode.OK)
                throw new InvalidOperationException($"A query was answered {(int)response.StatusCode}.");
        }, time, stop);
    }

    static void Remove(string directory)
    {
        try
        {
            Directory.Delete(directory, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            // As it should be.
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next start tries again.
        }
    }

    [LoggerMessage(1409, LogLevel.Information, "Warmed up by queries of the service's own in {Milliseconds} ms.")]
    static partial void LogWarmedUp(ILogger log, long milliseconds);

    [LoggerMessage(1410, LogLevel.Information, "The warm-up took longer than Halo:WarmUpMs allows ({Milliseconds} ms): the first queries may take longer than usual.")]
    static partial void LogUnfinished(ILogger log, int milliseconds);

    [LoggerMessage(1404, LogLevel.Warning, "The warm-up failed, so the first queries take longer than usual; nothing else follows from it.")]
    static partial void LogFailed(ILogger log, Exception exception);

    /// <summary>Waits for no signal and handles none.</summary>
    sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    /// <summary>A body that comes with the request's head, as most clients send it, or after it, as the others do.</summary>
    sealed class BodyInPackets : HttpContent
    {
        static readonly TimeSpan Gap = TimeSpan.FromMilliseconds(2);

        readonly byte[] _body;
        readonly bool _apart;
        readonly CancellationToken _stop;

        public BodyInPackets(byte[] body, bool apart, CancellationToken stop)
        {
            (_body, _apart, _stop) = (body, apart, stop);
            Headers.ContentType = new("application/json") { CharSet = "utf-8" };
        }

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            if (_apart)
            {
                await stream.FlushAsync(_stop);
                await Task.Delay(Gap, TimeProvider.System, _stop);
            }
            await stream.WriteAsync(_body, _stop);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = _body.Length;
            return true;
        }
    }
}

using Halo.Api.Operators;
using Halo.Api.Storage;
using Halo.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Halo.Api.Tests.Hosting;

/// <summary>The real service on a real port, in this process, with a data directory of its own.</summary>
public sealed class ApiHost : IAsyncDisposable
{
    public const string AdminKey = "a-key-for-tests-alone";
    readonly WebApplication _app;
    readonly HostBootstrap _bootstrap;
    readonly DirectoryInfo _directory;
    bool _disposed;

    ApiHost(WebApplication app, HostBootstrap bootstrap, DirectoryInfo directory)
    {
        _app = app;
        _bootstrap = bootstrap;
        _directory = directory;
        Client = new HttpClient { BaseAddress = Address };
    }

    public Uri Address => new(_app.Urls.First());

    public HttpClient Client { get; }

    public string DataDirectory => _directory.FullName;

    public IServiceProvider Services => _app.Services;

    /// <param name="settings">As <c>Halo:Enrolment=open</c>, each.</param>
    public static Task<ApiHost> StartAsync(params string[] settings) => StartAsync(TimeProvider.System, settings);

    /// <param name="time">The service's clock.</param>
    /// <param name="settings">As <c>Halo:Enrolment=open</c>, each.</param>
    public static async Task<ApiHost> StartAsync(TimeProvider time, params string[] settings)
    {
        var directory = Directory.CreateTempSubdirectory("halo-api-test-");
        var builder = HaloApi.CreateBuilder([]);
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["urls"] = $"http://127.0.0.1:{PostgresServer.FreePort()}",
            ["Halo:DataDirectory"] = directory.FullName,
            ["Halo:AdminKey"] = AdminKey,
            ["Halo:Enrolment"] = "open",
            ["Logging:LogLevel:Default"] = "None",
        });
        builder.Configuration.AddInMemoryCollection(settings.Select(s => s.Split('=', 2)).Select(p => new KeyValuePair<string, string?>(p[0], p[1])));
        var bootstrap = await HostBootstrap.CreateAsync(builder.Configuration, NullLogger.Instance, time);
        builder.Services.AddSingleton(time);
        var app = HaloApi.Build(builder, bootstrap);
        await app.StartAsync();
        return new ApiHost(app, bootstrap, directory);
    }

    public async ValueTask DisposeAsync()
    {
        if (_disposed)
            return;
        _disposed = true;
        Client.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
        await _bootstrap.DisposeAsync();
        _directory.Delete(recursive: true);
    }
}

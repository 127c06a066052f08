namespace Halo.Api.Tests.Hosting;

/// <summary>One service for the tests of a class.</summary>
public sealed class OneHost : IAsyncLifetime
{
    public ApiHost Host { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Host = await ApiHost.StartAsync();

    public ValueTask DisposeAsync() => Host.DisposeAsync();
}

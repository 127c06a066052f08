using Halo.Testing;

[assembly: AssemblyFixture(typeof(SharedPostgres))]

namespace Halo.Testing;

/// <summary>One PostgreSQL for all tests of this assembly; each makes databases of its own in it.</summary>
public sealed class SharedPostgres : IAsyncLifetime
{
    PostgresServer? _server;

    /// <summary>Skips the test where there is none.</summary>
    public PostgresServer Server
    {
        get
        {
            Assert.SkipWhen(PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
            return _server!;
        }
    }

    public async ValueTask InitializeAsync()
    {
        if (PostgresServer.Missing is null)
            _server = await PostgresServer.StartAsync("fsync=off");
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
    }
}

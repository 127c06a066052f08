using Halo.Testing;

namespace Halo.Client.Tests.Programs;

/// <summary>A class's own practice, for tests that break nothing.</summary>
public abstract class House(Func<Task<Practice>> open) : IAsyncLifetime
{
    Practice? _practice;

    public Practice Practice => _practice!;

    public async ValueTask InitializeAsync() => _practice = await open();

    public async ValueTask DisposeAsync()
    {
        if (_practice is not null)
            await _practice.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}

public sealed class SqliteHouse(SharedPostgres postgres) : House(() => Practice.OpenAsync("sqlite", postgres));

public sealed class PostgresHouse(SharedPostgres postgres) : House(() => Practice.OpenAsync("postgres", postgres));

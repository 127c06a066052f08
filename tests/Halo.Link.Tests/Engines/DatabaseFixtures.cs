using System.Diagnostics;
using System.Globalization;
using Halo.Link.Engines;
using Halo.Link.Engines.Factory;
using Halo.Link.Engines.Sqlite.Worker;
using Halo.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

[assembly: AssemblyFixture(typeof(Halo.Link.Tests.Engines.SharedPostgres))]

namespace Halo.Link.Tests.Engines;

/// <summary>One server for all tests of this assembly, started at the first need.</summary>
public sealed class SharedPostgres : IAsyncDisposable
{
    readonly Lazy<Task<PostgresServer>> _server = new(() => PostgresServer.StartAsync("fsync=off"));

    /// <summary>An engine on a database of its own; skips the test where there is no PostgreSQL.</summary>
    internal async Task<EngineBench> NewAsync(string? settings = null) =>
        new(DatabaseEngines.Create(EngineNames.Postgres, await NewDatabaseAsync() + settings, TimeProvider.System));

    /// <summary>The connection string of a database of its own; skips the test where there is no PostgreSQL.</summary>
    internal async Task<string> NewDatabaseAsync()
    {
        Assert.SkipWhen(PostgresServer.Missing is not null, PostgresServer.Missing ?? "");
        return await (await _server.Value).CreateDatabaseAsync();
    }

    /// <summary>Makes a login that can only read a database of <see cref="NewDatabaseAsync"/>, by the script that practices are given; its connection string.</summary>
    /// <param name="strict">With what the script takes from PUBLIC only when asked.</param>
    internal static async Task<string> NewReaderAsync(string database, bool strict = false)
    {
        var settings = new NpgsqlConnectionStringBuilder(database);
        var login = $"reader_{settings.Database}";
        var start = new ProcessStartInfo("psql") { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        string[] arguments =
        [
            "-X", "-h", settings.Host!, "-p", settings.Port.ToString(CultureInfo.InvariantCulture), "-U", settings.Username!, "-d", settings.Database!,
            "-v", $"login={login}", "-v", "password=it's a secret", .. strict ? (string[])["-v", "strict=1"] : [],
            "-f", Path.Combine(Repository.Root, "deploy", "sql", "postgres-reader.sql"),
        ];
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0 && errors.Length == 0, errors);
        Assert.Contains("(0 rows)", await output, StringComparison.Ordinal);
        settings.Username = login;
        return settings.ConnectionString;
    }

    public async ValueTask DisposeAsync()
    {
        if (_server.IsValueCreated)
            await (await _server.Value).DisposeAsync();
    }
}

/// <summary>The workers of all tests; they end with this process.</summary>
static class SharedWorkers
{
    public static SqliteWorkers Instance { get; } = New();

    public static SqliteWorkers New(long memoryBytes = 256L << 20) => new(memoryBytes, TimeProvider.System, NullLogger<SqliteWorkers>.Instance);
}

/// <summary>An empty SQLite file, gone after the test.</summary>
sealed class SqliteFile : IDisposable
{
    readonly string _directory = Directory.CreateTempSubdirectory("halo-sqlite-").FullName;

    public SqliteFile() => File.WriteAllBytes(Path, []);

    public string Path => System.IO.Path.Combine(_directory, "practice.db");

    /// <summary>As the Link runs it: in a worker process.</summary>
    public EngineBench Open(TimeProvider? time = null, SqliteWorkers? workers = null) =>
        new(DatabaseEngines.Create(EngineNames.Sqlite, $"Data Source={Path}", time ?? TimeProvider.System, workers: workers ?? SharedWorkers.Instance), time);

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}

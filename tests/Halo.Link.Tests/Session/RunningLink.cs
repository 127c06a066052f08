using System.Collections;
using System.Collections.Concurrent;
using Halo.Link.Engines;
using Halo.Link.Files;
using Halo.Link.Settings;
using Halo.Link.Settings.Live;
using Halo.Link.Settings.Reading;
using Halo.Link.Work.Immediate;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Tests.Session;

/// <summary>A whole agent in this process, on a data directory and a SQLite practice of its own.</summary>
sealed class RunningLink : IAsyncDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("halo-link-").FullName;
    CancellationTokenSource _stop = new();
    Task _running = Task.CompletedTask;

    public RunningLink(string api, Func<LinkSettings, LinkSettings>? change = null)
    {
        using (var practice = new SqliteConnection(ConnectionString))
        {
            practice.Open();
            using var command = practice.CreateCommand();
            command.CommandText = """
                PRAGMA journal_mode=WAL;
                CREATE TABLE patient (id INTEGER PRIMARY KEY, name TEXT);
                INSERT INTO patient VALUES (1, 'Ann'), (2, 'Zoë');
                CREATE TABLE practice (id TEXT);
                INSERT INTO practice VALUES ('P-77');
                """;
            command.ExecuteNonQuery();
        }
        Settings = new()
        {
            Api = new(api),
            DataDirectory = Path.Combine(_folder, "data"),
            Sites =
            [
                new()
                {
                    Engine = EngineNames.Sqlite,
                    ConnectionString = ConnectionString,
                    PracticeManagementName = new("Best Practice", null),
                    PracticeManagementSiteId = new("12345", null),
                    Catalogues = [new("practice", null, true)],
                },
            ],
        };
        Settings = change?.Invoke(Settings) ?? Settings;
    }

    public LinkSettings Settings { get; set; }

    public LogLines Log { get; } = new();

    /// <summary>The file that is followed; null: none.</summary>
    public SettingsFile? File { get; private set; }

    public LogLevelSwitch Level { get; } = new(null);

    public string Folder => _folder;

    /// <summary>From now on the settings stand in a file, and that is followed.</summary>
    public RunningLink WithFile(string json)
    {
        var path = Write(json);
        Settings = SettingsReader.Read(path, new Hashtable()) with { WarmUp = TimeSpan.Zero };
        File = new(path, new Hashtable(), Settings, TimeProvider.System, LoggerFactory.Create(b => b.AddProvider(Log)).CreateLogger<SettingsFile>());
        return this;
    }

    /// <summary>Puts the file there as editors do: a new one in the place of the old.</summary>
    public string Write(string json)
    {
        var path = Path.Combine(_folder, "halo-link.json");
        System.IO.File.WriteAllText(path + "~", json);
        System.IO.File.Move(path + "~", path, overwrite: true);
        return path;
    }

    public string ConnectionString => $"Data Source={Path.Combine(_folder, "practice.db")}";

    public RunningLink Start()
    {
        _stop = new();
        var builder = LinkHost.CreateBuilder(Settings, TimeProvider.System, new Random(1), Level);
        builder.Logging.AddProvider(Log);
        // Signals belong to the test runner, and a busy machine may take its time.
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>().Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromSeconds(30));
        if (File is not null)
            builder.Services.AddSingleton(File);
        var host = builder.Build();
        _running = Task.Run(() => host.RunAsync(_stop.Token));
        return this;
    }

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _running.WaitAsync(TimeSpan.FromSeconds(30));
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        SqliteConnection.ClearAllPools();
        Directory.Delete(_folder, recursive: true);
    }
}

/// <summary>Waits for no signal and handles none.</summary>
sealed class NoLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

/// <summary>Keeps what was logged.</summary>
sealed class LogLines : ILoggerProvider, ILogger
{
    readonly ConcurrentQueue<(int Id, string Text)> _lines = new();

    public IReadOnlyList<string> Of(int id) => [.. _lines.Where(l => l.Id == id).Select(l => l.Text)];

    public string All => string.Join('\n', _lines.Select(l => $"{l.Id} {l.Text}"));

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _lines.Enqueue((eventId.Id, formatter(state, exception) + exception));

    public void Dispose()
    {
    }
}

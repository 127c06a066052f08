using System.Collections.Concurrent;
using Halo.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Halo.Api.Tests.Hosting;

/// <summary>What a service logs, from now on.</summary>
sealed class HostLines : ILoggerProvider, ILogger
{
    /// <summary>Settings by which the service logs, and not to the console.</summary>
    public static readonly string[] Settings = ["Logging:LogLevel:Default=Information", "Logging:Console:LogLevel:Default=None"];

    readonly ConcurrentQueue<string> _lines = new();

    HostLines()
    {
    }

    /// <param name="host">Started with <see cref="Settings"/>.</param>
    public static HostLines Of(ApiHost host)
    {
        var lines = new HostLines();
        host.Services.GetRequiredService<ILoggerFactory>().AddProvider(lines);
        return lines;
    }

    /// <summary>Level and text of the lines that have this within.</summary>
    public IReadOnlyList<string> With(string text) => [.. _lines.Where(l => l.Contains(text, StringComparison.Ordinal))];

    /// <summary>Waits until there are so many lines that have this within.</summary>
    public Task<IReadOnlyList<string>> BecomeAsync(string text, int count) => Eventually.BecomesAsync(() => Task.FromResult(With(text)), lines => lines.Count >= count);

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _lines.Enqueue($"{logLevel}: {formatter(state, exception)}");

    public void Dispose()
    {
    }
}

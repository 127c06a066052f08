using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;

namespace Halo.Line.Logging;

/// <summary>How each line of a program's log looks.</summary>
public sealed class LogLineOptions : ConsoleFormatterOptions
{
    /// <summary>Begins each line with the priority that systemd's journal reads, in place of the level's name.</summary>
    public bool ForJournal { get; set; }
}

/// <summary>Writes each log message as one line, whatever it quotes: a name with a line break in it cannot pass for a second message.</summary>
public sealed class LogLineFormatter(IOptionsMonitor<LogLineOptions> options) : ConsoleFormatter(FormatterName)
{
    /// <summary>As <c>Logging:Console:FormatterName</c> has it.</summary>
    public const string FormatterName = "halo";

    /// <inheritdoc/>
    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        var message = logEntry.Formatter(logEntry.State, logEntry.Exception);
        if (message is null && logEntry.Exception is null)
            return;
        var line = options.CurrentValue;
        if (line.ForJournal)
            textWriter.Write(PriorityOf(logEntry.LogLevel));
        if (line.TimestampFormat is { } format)
        {
            var now = line.UseUtcTimestamp ? TimeProvider.System.GetUtcNow() : TimeProvider.System.GetLocalNow();
            textWriter.Write(now.ToString(format, System.Globalization.CultureInfo.InvariantCulture));
        }
        if (!line.ForJournal)
            textWriter.Write(NameOf(logEntry.LogLevel));
        textWriter.Write(VisibleText.Of(logEntry.Category));
        textWriter.Write('[');
        textWriter.Write(logEntry.EventId.Id);
        textWriter.Write("] ");
        textWriter.Write(VisibleText.Of(message));
        if (logEntry.Exception is { } exception)
        {
            textWriter.Write(' ');
            textWriter.Write(VisibleText.Of(exception.ToString()));
        }
        textWriter.WriteLine();
    }

    static string NameOf(LogLevel level) => level switch
    {
        LogLevel.Trace => "trce: ",
        LogLevel.Debug => "dbug: ",
        LogLevel.Information => "info: ",
        LogLevel.Warning => "warn: ",
        LogLevel.Error => "fail: ",
        _ => "crit: ",
    };

    static string PriorityOf(LogLevel level) => level switch
    {
        LogLevel.Trace or LogLevel.Debug => "<7>",
        LogLevel.Information => "<6>",
        LogLevel.Warning => "<4>",
        LogLevel.Error => "<3>",
        _ => "<2>",
    };
}

/// <summary>The console as both programs have it.</summary>
public static class LogLines
{
    /// <summary>One line for each message.</summary>
    public static ILoggingBuilder AddLogLines(this ILoggingBuilder logging, Action<LogLineOptions> configure) => logging
        .AddConsole(console => console.FormatterName = LogLineFormatter.FormatterName)
        .AddConsoleFormatter<LogLineFormatter, LogLineOptions>(configure);
}

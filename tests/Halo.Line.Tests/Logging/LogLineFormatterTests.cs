using Halo.Line.Logging;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Halo.Line.Tests.Logging;

public class LogLineFormatterTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_message_is_one_line_whatever_it_quotes(bool forJournal)
    {
        var name = "Clinic\n2026-01-01T00:00:00.000Z fail: Halo.Api[1] forged\r\u001B[31m";
        var written = Write(forJournal, LogLevel.Warning, $"Link waits, for {name}.", new InvalidOperationException("first\nsecond"));
        Assert.Equal(written.Length - Environment.NewLine.Length, written.IndexOf(Environment.NewLine, StringComparison.Ordinal));
        Assert.DoesNotContain(written[..^Environment.NewLine.Length], c => char.IsControl(c));
        Assert.Contains("forged\\r\\u001B[31m", written, StringComparison.Ordinal);
        Assert.Contains("first\\nsecond", written, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(LogLevel.Trace, "trce: Category[7] said", "<7>Category[7] said")]
    [InlineData(LogLevel.Information, "info: Category[7] said", "<6>Category[7] said")]
    [InlineData(LogLevel.Critical, "crit: Category[7] said", "<2>Category[7] said")]
    public void A_line_begins_with_its_level_or_the_journals_priority(LogLevel level, string terminal, string journal)
    {
        Assert.Equal(terminal + Environment.NewLine, Write(false, level, "said"));
        Assert.Equal(journal + Environment.NewLine, Write(true, level, "said"));
    }

    static string Write(bool forJournal, LogLevel level, string message, Exception? exception = null)
    {
        using var text = new StringWriter();
        new LogLineFormatter(new Options(new() { ForJournal = forJournal })).Write(new LogEntry<string>(level, "Category", 7, message, exception, (m, _) => m), null, text);
        return text.ToString();
    }

    sealed class Options(LogLineOptions value) : IOptionsMonitor<LogLineOptions>
    {
        public LogLineOptions CurrentValue => value;

        public LogLineOptions Get(string? name) => value;

        public IDisposable? OnChange(Action<LogLineOptions, string?> listener) => null;
    }
}

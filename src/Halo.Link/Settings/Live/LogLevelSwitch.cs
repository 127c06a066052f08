using Microsoft.Extensions.Logging;

namespace Halo.Link.Settings.Live;

/// <summary>The least that is logged: what the command line said, else what an operator set from afar, else the file, else Information.</summary>
/// <param name="commandLine">Null: it said nothing.</param>
sealed class LogLevelSwitch(LogLevel? commandLine)
{
    int _level = (int)(commandLine ?? LogLevel.Information);

    /// <summary>The present one.</summary>
    public LogLevel Level => (LogLevel)Volatile.Read(ref _level);

    /// <summary>Whether somebody who starts the Link by hand has the last word.</summary>
    public bool Fixed => commandLine is not null;

    public bool Allows(LogLevel level) => level >= Level && level != LogLevel.None;

    /// <summary>Chooses anew.</summary>
    public void Set(LogLevel? remote, LogLevel? file) => Volatile.Write(ref _level, (int)(commandLine ?? remote ?? file ?? LogLevel.Information));
}

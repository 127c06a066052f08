using Halo.Link.Files;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Settings.Live;

/// <summary>The last remote configuration on disk, for a start without the API.</summary>
sealed partial class RemoteFile(DataDirectory directory, ILogger<RemoteFile> log)
{
    const string Name = "remote.json";

    /// <summary>Null: there is none, or it is damaged, which hinders nothing: the API tells it again.</summary>
    public RemoteConfiguration? Read()
    {
        try
        {
            return directory.Read(Name, LinkFilesJson.Default.RemoteConfiguration);
        }
        catch (Exception e) when (e is SettingsException or IOException or UnauthorizedAccessException)
        {
            LogUnread(directory.PathOf(Name), e.GetType().Name);
            return null;
        }
    }

    public void Write(RemoteConfiguration remote)
    {
        try
        {
            directory.Write(Name, remote, LinkFilesJson.Default.RemoteConfiguration);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogUnwritten(directory.PathOf(Name), e.GetType().Name);
        }
    }

    [LoggerMessage(2030, LogLevel.Warning, "{Path} could not be read ({Kind}): until the Halo API is reached, the local settings alone hold.")]
    partial void LogUnread(string path, string kind);

    [LoggerMessage(2031, LogLevel.Warning, "{Path} could not be written ({Kind}): is the disk full? A start without the Halo API would not know the latest remote configuration.")]
    partial void LogUnwritten(string path, string kind);
}

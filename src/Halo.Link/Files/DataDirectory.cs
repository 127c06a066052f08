using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Halo.Line;
using Halo.Link.Settings;

namespace Halo.Link.Files;

/// <summary>The Link's data directory, held by this process alone while it lives.</summary>
sealed class DataDirectory : IDisposable
{
    readonly FileStream _lock;

    DataDirectory(string path, FileStream held)
    {
        Path = path;
        _lock = held;
    }

    /// <summary>Its full path.</summary>
    public string Path { get; }

    /// <summary>What in it is secret as it stands.</summary>
    public IReadOnlyList<string> KeyFiles => [PathOf(LinkKey.FileName), PathOf(LocalKey.FileName)];

    /// <summary>Where <c>halo-link status</c> finds the running Link.</summary>
    public string StatusSocket => PathOf("status.sock");

    /// <summary>Takes the directory, making it where it is missing.</summary>
    /// <exception cref="SettingsException">Another process has it, or it cannot be written.</exception>
    public static DataDirectory Open(string path)
    {
        try
        {
            DurableFile.CreateDirectory(System.IO.Path.GetFullPath(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unusable($"{path} cannot be written: let the account {Environment.UserName} write there, or name another directory.");
        }
        try
        {
            // Held open without sharing: the system lets go of it when the process ends, however it ends.
            return new(path, OwnFiles.Open(System.IO.Path.Combine(path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite));
        }
        catch (UnauthorizedAccessException)
        {
            throw Unusable($"{path} cannot be written: let the account {Environment.UserName} write there, or name another directory.");
        }
        catch (IOException)
        {
            throw Unusable($"{path} is in use by another Halo Link: stop that one first, or give this one a data directory of its own.");
        }
    }

    /// <summary>The full path of a file in it.</summary>
    public string PathOf(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Reads a JSON file; null where there is none.</summary>
    /// <exception cref="SettingsException">It is there and damaged.</exception>
    public T? Read<T>(string name, JsonTypeInfo<T> type)
        where T : class
    {
        var file = PathOf(name);
        if (!File.Exists(file))
            return null;
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(file), type) ?? throw new JsonException();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unusable($"{file} cannot be read: let the account {Environment.UserName} read it.");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Unusable($"{file} is damaged: restore it from a backup. Where there is none, remove it and set a fresh enrolmentToken; the Link then enrols as a new one.");
        }
    }

    /// <summary>Reads a JSON file that can be made again; null also where it is damaged or cannot be read.</summary>
    public T? ReadCopy<T>(string name, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return Read(name, type);
        }
        catch (Exception e) when (e is SettingsException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Writes a JSON file whole or not at all, synced.</summary>
    public void Write<T>(string name, T content, JsonTypeInfo<T> type) => WriteBytes(name, JsonSerializer.SerializeToUtf8Bytes(content, type));

    /// <summary>Writes a file whole or not at all, synced, for the owner's eyes alone.</summary>
    public void WriteBytes(string name, ReadOnlySpan<byte> content)
    {
        var fresh = PathOf(name + ".new");
        File.Delete(fresh);
        using (var stream = OwnFiles.Open(fresh, FileMode.CreateNew, FileAccess.Write))
        {
            stream.Write(content);
            stream.Flush(flushToDisk: true);
        }
        DurableFile.Publish(fresh, PathOf(name));
    }

    public void Dispose() => _lock.Dispose();

    static SettingsException Unusable(string message) => new([new("dataDirectory", message)]);
}

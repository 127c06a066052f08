namespace Halo.Link.Settings.Reading;

/// <summary>The bytes of the configuration file, in bounded time and memory, whatever stands under its name.</summary>
/// <remarks>
/// Opening a pipe, or a file on a network drive that is away, can block for good and cannot be cancelled. It is left to a thread of its own,
/// and no second one is started while the first hangs.
/// </remarks>
sealed class SettingsSource(string file)
{
    const int MostBytes = 4 * 1024 * 1024;
    readonly Lock _lock = new();
    Task<byte[]>? _reading;

    /// <summary>How long the file may take to give its contents. Default 10 s.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The whole file.</summary>
    /// <exception cref="SettingsException">It cannot be had.</exception>
    public byte[] Read()
    {
        try
        {
            var reading = Begin();
            if (!reading.Wait(Patience))
                throw Unusable($"did not give its contents within {Patience.TotalSeconds:0} seconds: it must be an ordinary file on a drive that answers.");
            return reading.Result;
        }
        catch (AggregateException e)
        {
            throw Explain(e.GetBaseException());
        }
        catch (Exception e) when (e is not SettingsException)
        {
            throw Explain(e);
        }
    }

    Task<byte[]> Begin()
    {
        lock (_lock)
        {
            if (_reading is null or { IsCompleted: true })
                _reading = Task.Factory.StartNew(ReadAll, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            return _reading;
        }
    }

    byte[] ReadAll()
    {
        if (Directory.Exists(file))
            throw Unusable("is a directory: name the file in it with --config.");
        // Unbuffered and without asking for its length: devices have none.
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        using var content = new MemoryStream();
        var piece = new byte[64 * 1024];
        while (stream.Read(piece) is > 0 and var read)
        {
            content.Write(piece, 0, read);
            if (content.Length > MostBytes)
                throw Unusable($"is larger than {MostBytes >> 20} MiB: it is not a configuration of Halo Link; name the right file with --config.");
        }
        return content.ToArray();
    }

    SettingsException Explain(Exception e) => e switch
    {
        SettingsException known => known,
        FileNotFoundException or DirectoryNotFoundException => Unusable("does not exist: write it (docs/configuration), or name another file with --config."),
        UnauthorizedAccessException => Unusable(
            $"cannot be read by the account {Environment.UserName}: give it the right to read, or name another file with --config."),
        // Its kind alone: a system's own words may hold anything.
        _ => Unusable($"cannot be read ({e.GetType().Name}): check that it is an ordinary file, or name another with --config."),
    };

    SettingsException Unusable(string what) => new([new(file, what)]);
}

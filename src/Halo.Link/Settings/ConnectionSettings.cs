namespace Halo.Link.Settings;

/// <summary>How the line to the API is kept.</summary>
sealed record ConnectionSettings
{
    /// <summary>Silence after which the API is asked for a sign of life. 100 ms to 60 s, default 20 s.</summary>
    public TimeSpan PingAfter { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Further silence after which the line is dropped. 100 ms to 60 s, default 10 s.</summary>
    public TimeSpan DeadAfterPing { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Bound of the random wait before the first attempt to connect again. 10 ms to 60 s, default 1 s.</summary>
    public TimeSpan FirstWait { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Where that bound, which doubles, ends. 10 ms to 10 min, default 60 s. The API's <c>Halo:Links:ReturnWithinMs</c> must be longer.</summary>
    public TimeSpan LongestWait { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a call or the opening of a session may take. 100 ms to 5 min, default 30 s.</summary>
    public TimeSpan CallWithin { get; init; } = TimeSpan.FromSeconds(30);
}

/// <summary>How pages are delivered over a bad line.</summary>
sealed record UploadSettings
{
    /// <summary>Bound of the random wait before a page is tried again. 10 ms to 60 s, default 1 s.</summary>
    public TimeSpan FirstWait { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Where that bound, which doubles, ends. 10 ms to 10 min, default 30 s.</summary>
    public TimeSpan LongestWait { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a page may make no progress before it is sent anew. 100 ms to 10 min, default 60 s.</summary>
    public TimeSpan Stall { get; init; } = TimeSpan.FromSeconds(60);
}

/// <summary>The way out through an HTTP proxy (CONNECT).</summary>
sealed record ProxySettings
{
    /// <summary>As <c>http://proxy.clinic.local:3128</c>.</summary>
    public required Uri Address { get; init; }

    /// <summary>Where the proxy asks for one.</summary>
    public string? User { get; init; }

    /// <summary>Belongs to <see cref="User"/>.</summary>
    public string? Password { get; init; }

    /// <summary>Nothing of it may reach a log.</summary>
    public override string ToString() => nameof(ProxySettings);
}

using Microsoft.Extensions.Logging;

namespace Halo.Link.Settings;

/// <summary>Everything that the configuration file and the environment say, checked.</summary>
sealed record LinkSettings
{
    /// <summary>Base address of the Halo API: https, or http on loopback.</summary>
    public required Uri Api { get; init; }

    /// <summary>Given by the operator, where the API asks for one to enrol.</summary>
    public string? EnrolmentToken { get; init; }

    /// <summary>Full path of the directory for identity, key, journal and spool. Default: <see cref="DefaultPaths.DataDirectory"/>.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>How much runs at once.</summary>
    public LaneSettings Lanes { get; init; } = new();

    /// <summary>Bounds of the disk buffer.</summary>
    public SpoolSettings Spool { get; init; } = new();

    /// <summary>What SQLite sites may take.</summary>
    public SqliteSettings Sqlite { get; init; } = new();

    /// <summary>Pages on their way to the API at once. 1 to 8, default 3.</summary>
    public int Uploads { get; init; } = 3;

    /// <summary>The least that is logged; null: what the command line says, else Information.</summary>
    public LogLevel? LogLevel { get; init; }

    /// <summary>Whether the operator of the API may set what <see cref="Halo.LinkProtocol.RemoteSettings"/> lists, within what stands here. Default true.</summary>
    public bool RemoteConfiguration { get; init; } = true;

    /// <summary>The longest time that a start spends on queries of its own before it connects: <c>warmUpMs</c>. 0 (none) to 60 s; where the file does not say, 4 s.</summary>
    public TimeSpan WarmUp { get; init; }

    /// <summary>How the line to the API is kept.</summary>
    public ConnectionSettings Connection { get; init; } = new();

    /// <summary>How pages are delivered over a bad line.</summary>
    public UploadSettings Upload { get; init; } = new();

    /// <summary>Whether and when it updates itself.</summary>
    public UpdateSettings Updates { get; init; } = new();

    /// <summary>The way out; null: the system's proxy, and none to this machine itself.</summary>
    public ProxySettings? Proxy { get; init; }

    /// <summary>The sites that this Link serves; at least one.</summary>
    public required IReadOnlyList<SiteSettings> Sites { get; init; }

    /// <summary>Base address of an OTLP collector over HTTP: <c>telemetry.otlp</c>; null: none, or what <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> says.</summary>
    public Uri? Otlp { get; init; }

    /// <summary>The address without a trailing slash: the audience of assertions.</summary>
    public string ApiAddress => Api.AbsoluteUri.TrimEnd('/');

    /// <summary>Nothing of it may reach a log.</summary>
    public override string ToString() => nameof(LinkSettings);
}

/// <summary>How much runs at once.</summary>
sealed record LaneSettings
{
    /// <summary>Immediate queries in each site's database at once. 1 to 64, default 4.</summary>
    public int Immediate { get; init; } = 4;

    /// <summary>Async queries executing at once, over all sites. 1 to 16, default 2.</summary>
    public int Async { get; init; } = 2;
}

/// <summary>What SQLite sites may take.</summary>
sealed record SqliteSettings
{
    /// <summary>Bytes that SQLite may take for one query, temporary tables and sorted rows included. 32 MiB to 16 GiB, default 256 MiB.</summary>
    public long MaxMemoryBytes { get; init; } = 256L << 20;
}

/// <summary>Bounds of the disk buffer for pages that are not uploaded yet.</summary>
sealed record SpoolSettings
{
    /// <summary>Bytes of all pages together. 1 MiB to 1 TiB, default 4 GiB; a tenth of the disk is left free whatever this says.</summary>
    public long MaxBytes { get; init; } = 4L << 30;

    /// <summary>How long a database's reader waits for room before its statement is cancelled. 100 ms to 10 min, default 10 s.</summary>
    public TimeSpan WaitForRoom { get; init; } = TimeSpan.FromSeconds(10);
}

namespace Halo.Api.Settings;

/// <summary>Bounds of queries: the settings under <c>Halo:Limits</c>. Durations in milliseconds, sizes in bytes.</summary>
sealed record QueryLimits
{
    /// <summary>Longest an immediate query may execute (100 to 600000, default 60000).</summary>
    public int ImmediateExecutionMs { get; init; } = 60_000;

    /// <summary>Longest an async query may execute, queue and upload not counted (100 to 86400000, default 300000).</summary>
    public int AsyncExecutionMs { get; init; } = 300_000;

    /// <summary>Longest the pages may take once the database has answered (1000 to 86400000, default 3600000).</summary>
    public int UploadMs { get; init; } = 3_600_000;

    /// <summary>What is added to a limit before the service settles a query by itself (0 to 600000, default 10000). Longer than the line takes to be found dead would show <c>executing</c> for no reason; shorter than a round trip would settle what the Link is just telling.</summary>
    public int GraceMs { get; init; } = 10_000;

    /// <summary>Longest a caller may take nothing of rows that are sent to it (100 to 600000, default 30000); then it is cut off and the statement cancelled.</summary>
    public int SlowReaderMs { get; init; } = 30_000;

    /// <summary>JSON bytes of an immediate result (1024 to 67108864, default 8 MiB).</summary>
    public int ImmediateResultBytes { get; init; } = 8 * 1024 * 1024;

    /// <summary>Bytes of immediate results that are held for callers, all together (8 MiB to 2 GiB, default 256 MiB); beyond it rows wait in the practices' databases.</summary>
    public int ResultMemoryBytes { get; init; } = 256 * 1024 * 1024;

    /// <summary>Bytes of request bodies that are read or worked on, all together (32 MiB to 2 GiB, default 256 MiB); beyond it a request is answered 503.</summary>
    public int RequestMemoryBytes { get; init; } = 256 * 1024 * 1024;

    /// <summary>Writes that wait for the store (10 to 1000000, default 10000); beyond it new queries are answered 503, so that what was accepted can end.</summary>
    public int LedgerQueue { get; init; } = 10_000;

    /// <summary>Immediate queries under way at one site, waiting ones among them (1 to 100000, default 100); and at all sites (1 to 100000, default 1000).</summary>
    public int ImmediatePerSite { get; init; } = 100;

    /// <inheritdoc cref="ImmediatePerSite"/>
    public int Immediate { get; init; } = 1000;

    /// <summary>Async queries queued at one site (1 to 10000000, default 10000); and at all sites (1 to 10000000, default 200000).</summary>
    public int QueuedPerSite { get; init; } = 10_000;

    /// <inheritdoc cref="QueuedPerSite"/>
    public int Queued { get; init; } = 200_000;

    /// <summary>Requests that wait for the end of a query (1 to 1000000, default 10000).</summary>
    public int Waiters { get; init; } = 10_000;

    /// <summary>Connections at once, those of Links not among them (10 to 1000000, default 10000); and of Links (10 to 1000000, default 50000).</summary>
    public int Connections { get; init; } = 10_000;

    /// <inheritdoc cref="Connections"/>
    public int LinkConnections { get; init; } = 50_000;

    /// <summary>About so many JSON bytes make a page (1024 to 8388608, default 1 MiB).</summary>
    public int PageBytes { get; init; } = 1024 * 1024;

    /// <summary>Bytes of a request's body (65536 to 33554432, default 16 MiB): text and parameters together.</summary>
    public int RequestBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>Registered queries that one integrator may have running at one site (1 to 1000, default 20).</summary>
    public int RegisteredPerSite { get; init; } = 20;

    /// <summary>Surveys that one integrator may have running (1 to 1000, default 10).</summary>
    public int SurveysPerIntegrator { get; init; } = 10;

    /// <summary>Shortest time from one run of a registered query to the next, in seconds (1 to 3600, default 60).</summary>
    public int RegisteredFrequencySeconds { get; init; } = 60;

    /// <summary>Longest one run of a registered query may execute (100 to 600000, default 60000).</summary>
    public int RegisteredRunMs { get; init; } = 60_000;

    /// <summary>JSON bytes of a registered query's result (1024 to 8388608, default 8 MiB).</summary>
    public int RegisteredResultBytes { get; init; } = 8 * 1024 * 1024;

    /// <summary>JSON bytes of changes that are kept of one registered query (1024 to 1073741824, default 64 MiB); beyond it the oldest go, and readers who had not come to them begin anew.</summary>
    public int RegisteredChangesBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>Bytes of a request's line and of all its headers, and how many headers; beyond it 414 or 431.</summary>
    public const int RequestLineBytes = 8 * 1024, HeaderBytes = 32 * 1024, Headers = 100;

    /// <summary>How long a connection may take for the headers of a request, and idle between two, in milliseconds.</summary>
    public const int HeadersMs = 30_000, IdleConnectionMs = 130_000;

    /// <summary>Requests at once over one HTTP/2 connection.</summary>
    public const int RequestsPerConnection = 100;

    /// <summary>UTF-8 bytes of a command's text.</summary>
    public const int TextBytes = 1024 * 1024;

    /// <summary>Parameters of a command, and how deep the value of one may be nested.</summary>
    public const int Parameters = ushort.MaxValue, ValueDepth = 16;

    /// <summary>Characters of a parameter's name and of its type's.</summary>
    public const int NameCharacters = 512;

    /// <summary>Fields of one request that this version does not know.</summary>
    public const int UnknownFields = 1000;

    /// <summary>Longest an immediate query may wait, in milliseconds, and what holds where a request says nothing.</summary>
    public const int ImmediateQueueMs = 60_000, ImmediateQueueDefaultMs = 30_000;

    /// <summary>Longest an async query may wait, in milliseconds, and what holds where a request says nothing.</summary>
    public const int AsyncQueueMs = 7_200_000, AsyncQueueDefaultMs = 3_600_000;

    /// <summary>Reads the section; what is wrong is added to <paramref name="faults"/>.</summary>
    public static QueryLimits Read(IConfigurationSection section, List<string> faults)
    {
        var preset = new QueryLimits();
        return new QueryLimits
        {
            ImmediateExecutionMs = Int(nameof(ImmediateExecutionMs), preset.ImmediateExecutionMs, 100, 600_000),
            AsyncExecutionMs = Int(nameof(AsyncExecutionMs), preset.AsyncExecutionMs, 100, 86_400_000),
            UploadMs = Int(nameof(UploadMs), preset.UploadMs, 1000, 86_400_000),
            GraceMs = Int(nameof(GraceMs), preset.GraceMs, 0, 600_000),
            SlowReaderMs = Int(nameof(SlowReaderMs), preset.SlowReaderMs, 100, 600_000),
            ImmediateResultBytes = Int(nameof(ImmediateResultBytes), preset.ImmediateResultBytes, 1024, 64 * 1024 * 1024),
            ResultMemoryBytes = Int(nameof(ResultMemoryBytes), preset.ResultMemoryBytes, 8 * 1024 * 1024, int.MaxValue),
            RequestMemoryBytes = Int(nameof(RequestMemoryBytes), preset.RequestMemoryBytes, 32 * 1024 * 1024, int.MaxValue),
            LedgerQueue = Int(nameof(LedgerQueue), preset.LedgerQueue, 10, 1_000_000),
            ImmediatePerSite = Int(nameof(ImmediatePerSite), preset.ImmediatePerSite, 1, 100_000),
            Immediate = Int(nameof(Immediate), preset.Immediate, 1, 100_000),
            QueuedPerSite = Int(nameof(QueuedPerSite), preset.QueuedPerSite, 1, 10_000_000),
            Queued = Int(nameof(Queued), preset.Queued, 1, 10_000_000),
            Waiters = Int(nameof(Waiters), preset.Waiters, 1, 1_000_000),
            Connections = Int(nameof(Connections), preset.Connections, 10, 1_000_000),
            LinkConnections = Int(nameof(LinkConnections), preset.LinkConnections, 10, 1_000_000),
            PageBytes = Int(nameof(PageBytes), preset.PageBytes, 1024, 8 * 1024 * 1024),
            RegisteredPerSite = Int(nameof(RegisteredPerSite), preset.RegisteredPerSite, 1, 1000),
            SurveysPerIntegrator = Int(nameof(SurveysPerIntegrator), preset.SurveysPerIntegrator, 1, 1000),
            RegisteredFrequencySeconds = Int(nameof(RegisteredFrequencySeconds), preset.RegisteredFrequencySeconds, 1, 3600),
            RegisteredRunMs = Int(nameof(RegisteredRunMs), preset.RegisteredRunMs, 100, 600_000),
            RegisteredResultBytes = Int(nameof(RegisteredResultBytes), preset.RegisteredResultBytes, 1024, 8 * 1024 * 1024),
            RegisteredChangesBytes = Int(nameof(RegisteredChangesBytes), preset.RegisteredChangesBytes, 1024, 1024 * 1024 * 1024),
            RequestBytes = Int(nameof(RequestBytes), preset.RequestBytes, 64 * 1024, 32 * 1024 * 1024),
        };

        int Int(string name, int value, int least, int most) => ApiOptions.ReadInt(section, name, value, least, most, faults);
    }
}

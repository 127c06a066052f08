using System.Globalization;
using Halo.Api.Basics;
using Halo.Api.Storage.Keys;

namespace Halo.Api.Settings;

/// <summary>The service's settings under <c>Halo:</c>, read and checked once, at start, all faults at once.</summary>
sealed record ApiOptions
{
    /// <summary>Where the store, pages and keys stand: <c>Halo:DataDirectory</c>, default <c>data</c> beside the working directory.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>The admin key: <c>Halo:AdminKey</c>; null: made at first start and written to <c>admin.key</c>.</summary>
    public string? AdminKey { get; init; }

    /// <summary>Which new Links are trusted: <c>Halo:Enrolment</c>, default <c>token</c>.</summary>
    public EnrolmentMode Enrolment { get; init; } = EnrolmentMode.Token;

    /// <summary>
    /// The addresses that Links dial, without a slash at their end: <c>Halo:PublicAddress</c>, one or several with commas between. Required where the service
    /// listens beyond loopback; default none.
    /// </summary>
    public IReadOnlyList<string> PublicAddresses { get; init; } = [];

    /// <summary>How this node is reached by others: <c>Halo:NodeAddress</c>.</summary>
    public string NodeAddress { get; init; } = "local";

    /// <summary>PMS IDs of which every site is authoritative, as a developers' licence: <c>Halo:SharedPractices</c>, default <c>0</c>.</summary>
    public IReadOnlyList<string> SharedPractices { get; init; } = ["0"];

    /// <summary>Proxies whose <c>X-Forwarded-For</c> is believed: <c>Halo:TrustedProxies</c>, addresses or CIDR; default none.</summary>
    public IReadOnlyList<System.Net.IPNetwork> TrustedProxies { get; init; } = [];

    /// <summary>How often Links report, in seconds (1 to 300): <c>Halo:HeartbeatSeconds</c>, default 60.</summary>
    public int HeartbeatSeconds { get; init; } = 60;

    /// <summary>The longest time that a start spends on queries of its own before it is ready, in milliseconds (0: none; to 60,000): <c>Halo:WarmUpMs</c>, default 4,000.</summary>
    public int WarmUpMs { get; init; } = 4000;

    /// <summary>The oldest version of each PMS that is served: <c>Halo:MinimumVersions:{PMS}</c>; default none.</summary>
    public MinimumVersions MinimumVersions { get; init; } = MinimumVersions.None;

    /// <summary>Whether there is a web console for operators under <c>/console</c>: <c>Halo:Console:Enabled</c>, default false.</summary>
    public bool ConsoleEnabled { get; init; }

    /// <summary>For how many days the history of availability is kept (1 to 3650): <c>Halo:AvailabilityDays</c>, default 400.</summary>
    public int AvailabilityDays { get; init; } = 400;

    /// <summary>When a Link counts as gone: <c>Halo:Links:…</c>.</summary>
    public LivenessOptions Links { get; init; } = new();

    /// <summary>How Links are updated: <c>Halo:Updates:…</c>.</summary>
    public UpdateOptions Updates { get; init; } = new();

    /// <summary>Bounds of queries: <c>Halo:Limits:…</c>.</summary>
    public required QueryLimits Limits { get; init; }

    /// <summary>How results are kept: <c>Halo:Results:…</c>.</summary>
    public required ResultOptions Results { get; init; }

    /// <summary>How much of the disk stays free: <c>Halo:Disk:…</c>.</summary>
    public required DiskOptions Disk { get; init; }

    /// <summary>How long records are kept: <c>Halo:Retention:…</c>.</summary>
    public required RetentionOptions Retention { get; init; }

    /// <summary>What integrators are told by themselves: <c>Halo:Events:…</c>.</summary>
    public EventOptions Events { get; init; } = new();

    /// <summary>Where metrics and traces go: <c>Halo:Telemetry:…</c>.</summary>
    public TelemetryOptions Telemetry { get; init; } = new();

    /// <summary>Where the store is: <c>Halo:Storage:…</c>.</summary>
    public required DatabaseOptions Storage { get; init; }

    /// <summary>The master keys: <c>Halo:Encryption:…</c>.</summary>
    public required EncryptionOptions Encryption { get; init; }

    /// <summary>Whether every site of this PMS ID is authoritative.</summary>
    public bool IsShared(string pmsId) => SharedPractices.Contains(pmsId);

    /// <summary>Reads the settings.</summary>
    /// <exception cref="StartupException">Something is wrong with them; every fault is in its text.</exception>
    public static ApiOptions Read(IConfiguration configuration)
    {
        var halo = KnownSettings.Of(configuration);
        var faults = new List<string>();
        var enrolment = EnrolmentMode.Token;
        if (halo["Enrolment"] is { } word && !Enum.TryParse(word, ignoreCase: true, out enrolment))
            faults.Add($"Halo:Enrolment is \"{word}\"; it takes open, token or approval.");
        if (halo["AdminKey"] is { Length: < 16 })
            faults.Add("Halo:AdminKey is shorter than 16 characters; use a long random one, or leave it out and one is made.");
        var addresses = ReadList(halo, "PublicAddress") ?? [];
        if (!addresses.All(a => Uri.TryCreate(a, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" && uri.Query.Length == 0 && uri.UserInfo.Length == 0))
            faults.Add("Halo:PublicAddress must be an absolute http or https address, as https://halo.example, or several with commas between.");
        var proxies = ReadList(halo, "TrustedProxies") ?? [];
        faults.AddRange(proxies.Where(p => AddressRange.Parse(p) is null)
            .Select(p => $"Halo:TrustedProxies holds \"{p}\"; it takes IP addresses and ranges such as 10.0.0.0/8 or 2001:db8::/32."));
        var links = LivenessOptions.Read(halo.GetSection("Links"), faults);
        var updates = UpdateOptions.Read(halo.GetSection("Updates"), faults);
        var limits = QueryLimits.Read(halo.GetSection("Limits"), faults);
        var results = ResultOptions.Read(halo.GetSection("Results"), faults);
        var disk = DiskOptions.Read(halo.GetSection("Disk"), faults);
        var retention = RetentionOptions.Read(halo.GetSection("Retention"), faults);
        var events = EventOptions.Read(halo.GetSection("Events"), ReadList(halo, "Events:AllowedAddresses"), faults);
        var telemetry = TelemetryOptions.Read(halo.GetSection("Telemetry"), faults);
        var heartbeat = ReadInt(halo, "HeartbeatSeconds", 60, 1, 300, faults);
        var warmUp = ReadInt(halo, "WarmUpMs", 4000, 0, 60_000, faults);
        var versions = MinimumVersions.Read(halo.GetSection("MinimumVersions"), faults);
        var days = ReadInt(halo, "AvailabilityDays", 400, 1, 3650, faults);
        var console = false;
        if (halo["Console:Enabled"] is { } enabled && !bool.TryParse(enabled, out console))
            faults.Add($"Halo:Console:Enabled is \"{enabled}\"; it takes true or false.");
        var options = new ApiOptions
        {
            DataDirectory = Path.GetFullPath(halo["DataDirectory"] ?? "data"),
            AdminKey = halo["AdminKey"],
            Enrolment = enrolment,
            PublicAddresses = [.. addresses.Select(a => Uri.TryCreate(a, UriKind.Absolute, out var uri) ? uri.AbsoluteUri.TrimEnd('/') : a)],
            NodeAddress = halo["NodeAddress"] ?? "local",
            SharedPractices = ReadList(halo, "SharedPractices") ?? ["0"],
            TrustedProxies = [.. proxies.Select(AddressRange.Parse).OfType<System.Net.IPNetwork>()],
            HeartbeatSeconds = heartbeat,
            WarmUpMs = warmUp,
            MinimumVersions = versions,
            AvailabilityDays = days,
            ConsoleEnabled = console,
            Links = links,
            Updates = updates,
            Limits = limits,
            Results = results,
            Retention = retention,
            Disk = disk,
            Events = events,
            Telemetry = telemetry,
            Storage = new() { ConnectionString = halo["Storage:ConnectionString"] },
            Encryption = halo.GetSection("Encryption").Get<EncryptionOptions>() ?? new(),
        };
        // Last: what was not read by now is misspelt.
        halo.FindUnknown(configuration, faults);
        if (faults.Count > 0)
            throw new StartupException("The settings have faults:\n" + string.Join('\n', faults.Select(f => "  - " + f)));
        return options;
    }

    /// <summary>A list of words: one value with commas between, or a list of the settings' own kind; empty for none.</summary>
    static List<string>? ReadList(KnownSettings section, string name)
    {
        var list = section.GetSection(name);
        var entries = list.GetChildren().Select(c => c.Value ?? "").ToArray();
        return list.Value is null && entries.Length == 0 ? null
            : [.. (list.Value?.Split(',') ?? entries).Select(w => w.Trim()).Where(w => w.Length > 0)];
    }

    internal static int ReadInt(IConfigurationSection section, string name, int preset, int least, int most, List<string> faults)
    {
        if (section[name] is not { } text)
            return preset;
        if (int.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most)
            return value;
        faults.Add($"{section.Path}:{name} is \"{text}\"; it takes a whole number from {least} to {most}.");
        return preset;
    }
}

namespace Halo.Contracts.Admin;

/// <summary>A Link as operators see it.</summary>
public record AdminLink
{
    /// <summary>The Link GUID.</summary>
    public Guid Id { get; init; }

    /// <summary><c>enrolled</c>, <c>waiting</c> or <c>revoked</c>.</summary>
    public string Status { get; init; } = "";

    /// <summary><c>YY.Mdd.build</c>.</summary>
    public string Version { get; init; } = "";

    /// <summary>When it was first heard of in this version.</summary>
    public DateTimeOffset VersionSince { get; init; }

    /// <summary>Whether it has a session.</summary>
    public bool Connected { get; init; }

    /// <summary>Since when; absent: it has none.</summary>
    public DateTimeOffset? ConnectedSince { get; init; }

    /// <summary>The last sign of life.</summary>
    public DateTimeOffset? LastHeardAt { get; init; }

    /// <summary>When it enrolled first.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>The name of its machine, as it said when it enrolled last.</summary>
    public string? Host { get; init; }

    /// <summary>Its machine's system and version.</summary>
    public string? OperatingSystem { get; init; }

    /// <summary>A second run of it that was refused: its server was cloned or restored. Absent: none was.</summary>
    public SecondRun? AlsoSeen { get; init; }

    /// <summary>How it stands with updates.</summary>
    public AdminLinkUpdate? Update { get; init; }
}

/// <summary>A Link with what it last reported.</summary>
public sealed record AdminLinkDetail : AdminLink
{
    /// <summary>Every site that is its own, whatever their state.</summary>
    public IReadOnlyList<Guid> Sites { get; init; } = [];

    /// <summary>Of its machine.</summary>
    public int? Processors { get; init; }

    /// <summary>Of the machine on which it enrolled.</summary>
    public string? MachineId { get; init; }

    /// <summary>Of its process, at the last report.</summary>
    public long? UptimeSeconds { get; init; }

    /// <summary>What it was doing at the last report.</summary>
    public QueueLengths? Queues { get; init; }

    /// <summary>On the disk of its data; absent where it cannot be read.</summary>
    public long? FreeDiskBytes { get; init; }

    /// <summary>Pages that are not delivered yet.</summary>
    public long? SpoolBytes { get; init; }
}

/// <summary>How many Links run a version.</summary>
/// <param name="Version"><c>YY.Mdd.build</c>.</param>
/// <param name="Links">Of all that are trusted.</param>
/// <param name="Connected">Of these, with a session now.</param>
public sealed record VersionCount(string Version, int Links, int Connected);

/// <summary>A page of Links, and the versions of all trusted ones.</summary>
/// <param name="Links">At most as many as <c>limit</c> says.</param>
/// <param name="Next">Give it as <c>after</c> for the next page; absent on the last.</param>
/// <param name="Versions">Newest first.</param>
public sealed record AdminLinkList(IReadOnlyList<AdminLink> Links, string? Next, IReadOnlyList<VersionCount> Versions);

/// <summary>An operator trusts a Link that waits.</summary>
/// <param name="Sites">The sites whose practices it serves; null: all that it named when it enrolled.</param>
public sealed record ApproveLinkRequest(IReadOnlyList<Guid>? Sites);

/// <summary>A second run of one Link: its server was cloned or restored, or its data directory copied.</summary>
/// <param name="RunId">The run that was refused.</param>
/// <param name="FirstAt">When it was refused first.</param>
/// <param name="LastAt">When it was refused last.</param>
public sealed record SecondRun(Guid RunId, DateTimeOffset FirstAt, DateTimeOffset LastAt)
{
    /// <summary>From where it called.</summary>
    public string? Address { get; init; }

    /// <summary>Its machine, where the system has an id; a clone may have the same.</summary>
    public string? MachineId { get; init; }
}

/// <summary>Queries inside a Link.</summary>
/// <param name="ImmediateWaiting">In the immediate lane's queue.</param>
/// <param name="ImmediateRunning">Immediate, in the database.</param>
/// <param name="AsyncRunning">Async, in the database.</param>
/// <param name="Uploading">Async, pages on their way.</param>
public sealed record QueueLengths(int ImmediateWaiting, int ImmediateRunning, int AsyncRunning, int Uploading);

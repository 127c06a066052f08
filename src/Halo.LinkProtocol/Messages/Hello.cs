using System.Text.Json.Serialization;
using Halo.Contracts.Json;
using Halo.Contracts.Sites;

namespace Halo.LinkProtocol.Messages;

/// <summary>The Link's first words on every session.</summary>
/// <remarks>
/// Source-generated JSON gives an init property that is absent its type's default and not its initialiser: so what an older
/// end leaves out gets its default in the getter, here and in the other messages.
/// </remarks>
/// <param name="RunId">Random, once per start of the Link's process. Sessions of one run carry on with each other's claims.</param>
/// <param name="LinkVersion"><c>YY.Mdd.build</c>.</param>
/// <param name="ClockUtc">The clinic server's clock.</param>
/// <param name="Sites">Every site this Link serves.</param>
public sealed record Hello(Guid RunId, string LinkVersion, DateTimeOffset ClockUtc, IReadOnlyList<SiteDescription> Sites)
{
    /// <summary>See <see cref="ProtocolLimits.Version"/>.</summary>
    public int ProtocolVersion { get => field == 0 ? 1 : field; init; } = ProtocolLimits.Version;

    /// <summary>The Link runs registered queries: <see cref="RegisteredDefinition"/>.</summary>
    public const string RunsRegisteredQueries = "registeredQueries";

    /// <summary>The Link runs several commands in one transaction: <see cref="CommandBatch"/>.</summary>
    public const string RunsBatches = "batches";

    /// <summary>The Link describes commands without running them: <see cref="Execute.Describe"/>.</summary>
    public const string DescribesCommands = "describe";

    /// <summary>The Link reads the catalogues of its databases: <see cref="Execute.Schema"/>.</summary>
    public const string ReadsSchemas = "schema";

    /// <summary>What the Link can do beyond version 1; unknown words are ignored.</summary>
    public IReadOnlyList<string> Capabilities { get => field ?? []; init; } = [];

    /// <summary>
    /// Ids of all sites in the Link's settings, also of those that cannot be described yet: a site of this Link that is not among them
    /// was taken out. Null, as of an older Link: nothing is concluded.
    /// </summary>
    public IReadOnlyList<Guid>? ConfiguredSites { get; init; }

    /// <summary>
    /// Runs before this one on the same data directory that are surely over: they will say nothing any more, and this one may take
    /// their place at once.
    /// </summary>
    public IReadOnlyList<Guid> RunsBefore { get => field ?? []; init; } = [];

    /// <summary>An id of the machine that survives restarts, where the system has one. A cloned disk may bring it along.</summary>
    public string? MachineId { get; init; }

    /// <summary>What it was built for; null: it has no updater, or is older, and gets no release.</summary>
    public LinkPlatform? Platform { get; init; }

    /// <summary>Every claim in the journal that is not finished and acknowledged.</summary>
    public IReadOnlyList<HeldClaim> Claims { get => field ?? []; init; } = [];

    /// <summary>The highest claim number the journal has ever seen; 0 for none.</summary>
    public long LastClaimNumber { get; init; }

    /// <summary>Immediate queries of this run that are waiting, running, or whose outcome is not acknowledged.</summary>
    public IReadOnlyList<Guid> Immediates { get => field ?? []; init; } = [];
}

/// <summary>A claim in the Link's journal.</summary>
/// <param name="QueryId">The query.</param>
/// <param name="ClaimId">The id of the claim.</param>
/// <param name="Number">Its number among this Link's claims.</param>
/// <param name="Phase">How far it got.</param>
public sealed record HeldClaim(Guid QueryId, Guid ClaimId, long Number, ClaimPhase Phase);

/// <summary>How far a claimed query got, as the journal knows it.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<ClaimPhase>))]
public enum ClaimPhase
{
    /// <summary>Written down, not begun.</summary>
    Claimed,

    /// <summary>Given to the database.</summary>
    Executing,

    /// <summary>The database has answered in full; pages are in the spool.</summary>
    Uploading,

    /// <summary>Ended; its last report is not acknowledged yet.</summary>
    Ended,

    /// <summary>Handed back unstarted; not acknowledged yet.</summary>
    HandedBack,

    /// <summary>A newer Link's word; never sent.</summary>
    Unknown,
}

/// <summary>A site as its Link describes it, at enrolment and in every <see cref="Hello"/>.</summary>
/// <param name="Id">The Halo GUID, made by the Link.</param>
/// <param name="Engine"><c>sqlServer</c>, <c>postgres</c> or <c>sqlite</c>.</param>
/// <param name="PracticeManagementName">The PMS's name.</param>
/// <param name="PracticeManagementSiteId">The PMS vendor's own id of the practice.</param>
/// <param name="Catalogues">Names of its databases, one of them the default.</param>
public sealed record SiteDescription(
    Guid Id,
    string Engine,
    string PracticeManagementName,
    string PracticeManagementSiteId,
    IReadOnlyList<SiteCatalogue> Catalogues)
{
    /// <summary>The PMS's version.</summary>
    public string? PracticeManagementVersion { get; init; }

    /// <summary>The practice's name.</summary>
    public string? PracticeName { get; init; }

    /// <summary>The database's own identity, where it has one and it could be read.</summary>
    public string? DatabaseIdentity { get; init; }

    /// <summary>Whether the Link can reach it.</summary>
    public DatabaseHealth? Database { get; init; }
}

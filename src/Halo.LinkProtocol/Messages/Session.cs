using System.Text.Json.Serialization;
using Halo.Contracts.Admin;
using Halo.Contracts.Json;
using Halo.Contracts.Sites;

namespace Halo.LinkProtocol.Messages;

/// <summary>The API's answer to <see cref="Hello"/>; from then on work may flow.</summary>
/// <param name="SessionId">This session.</param>
/// <param name="ApiVersion"><c>YY.Mdd.build</c>.</param>
/// <param name="HeartbeatSeconds">How often the Link reports.</param>
/// <param name="Claims">One verdict for each claim that Hello named.</param>
/// <param name="Sites">What the API knows of each site.</param>
public sealed record Welcome(
    Guid SessionId,
    string ApiVersion,
    int HeartbeatSeconds,
    IReadOnlyList<ClaimVerdict> Claims,
    IReadOnlyList<SiteNotice> Sites)
{
    /// <summary>The API takes <see cref="SiteChanges"/>.</summary>
    public const string TakesSiteChanges = "siteChanges";

    /// <summary>The API has registered queries for its Links: <see cref="RegisteredList"/>.</summary>
    public const string HasRegisteredQueries = "registeredQueries";

    /// <summary>The API wants to hear when a catalogue changed: <see cref="SiteDatabase.SchemaMark"/>.</summary>
    public const string TakesSchemaMarks = "schemaMarks";

    /// <summary>What the API can do beyond version 1; unknown words are ignored.</summary>
    public IReadOnlyList<string> Capabilities { get => field ?? []; init; } = [];

    /// <summary>What the operator wants the Link to run with; null from an API that knows no remote configuration.</summary>
    public RemoteConfiguration? Configuration { get; init; }

    /// <summary>Which version the Link should run; null from an API that does not say.</summary>
    public UpdateTarget? Update { get; init; }
}

/// <summary>Whether a held claim goes on.</summary>
/// <param name="ClaimId">The claim.</param>
/// <param name="Verdict">What the Link does with it.</param>
public sealed record ClaimVerdict(Guid ClaimId, Verdict Verdict);

/// <summary>What the Link does with a claim it held.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<Verdict>))]
public enum Verdict
{
    /// <summary>A newer API's word; never sent. The Link goes on: what it tells is judged again.</summary>
    Unknown,

    /// <summary>Still its own: go on.</summary>
    Continue,

    /// <summary>Settled otherwise: stop it, remove its pages, forget it.</summary>
    Drop,
}

/// <summary>What the API now knows of the Link's sites, when it changes during a session.</summary>
/// <param name="Sites">The sites that changed.</param>
public sealed record SiteNotices(IReadOnlyList<SiteNotice> Sites)
{
    /// <summary>The <see cref="SiteChanges"/> that this answers, having judged it; null where something else gave cause.</summary>
    public Guid? Answers { get; init; }
}

/// <summary>What the API knows of a site.</summary>
/// <param name="SiteId">The Halo GUID.</param>
/// <param name="Authoritative">Whether integrators may query it.</param>
/// <param name="Confirmed">Whether its database, machine and PMS ID are the ones an operator knows.</param>
/// <param name="Message">For the Link's log: why, in words an IT person understands, and what to do.</param>
public sealed record SiteNotice(Guid SiteId, bool Authoritative, bool Confirmed, string Message)
{
    /// <summary>Integrators get no answer from it although it is authoritative and confirmed: its PMS is too old.</summary>
    public bool Refused { get; init; }
}

/// <summary>A Link's last words, after which its run begins nothing more.</summary>
public sealed record Farewell
{
    /// <summary>
    /// Immediate queries that it may have begun and whose outcome is not acknowledged. What is not among them, and has no outcome,
    /// it never began.
    /// </summary>
    public required IReadOnlyList<Guid> Immediates { get; init; }
}

/// <summary>The Link's regular report.</summary>
/// <param name="ClockUtc">The clinic server's clock.</param>
/// <param name="LinkVersion"><c>YY.Mdd.build</c>.</param>
/// <param name="UptimeSeconds">Since the start of the process.</param>
/// <param name="Queues">What it is doing.</param>
/// <param name="Databases">Health of each site's database.</param>
/// <param name="FreeDiskBytes">On the disk of the Link's data; null where it cannot be read.</param>
/// <param name="SpoolBytes">Used by pages that are not delivered yet.</param>
public sealed record Heartbeat(
    DateTimeOffset ClockUtc,
    string LinkVersion,
    long UptimeSeconds,
    QueueLengths Queues,
    IReadOnlyList<SiteDatabase> Databases,
    long? FreeDiskBytes,
    long SpoolBytes)
{
    /// <summary>How it stands with updates; null: it has no updater, or is older.</summary>
    public UpdateStatus? Update { get; init; }
}

/// <summary>Health of one site's database.</summary>
/// <param name="SiteId">The Halo GUID.</param>
/// <param name="Health">What the last check said.</param>
public sealed record SiteDatabase(Guid SiteId, DatabaseHealth Health)
{
    /// <summary>
    /// Says of the catalogues of the site's databases, as its own login sees them, whether they may be others than they were: then it is another text. Null: not looked
    /// at yet, or the API does not want to hear (<see cref="Welcome.TakesSchemaMarks"/>).
    /// </summary>
    public string? SchemaMark { get; init; }
}

/// <summary>A fresh access token for this session, so that it need not be opened anew.</summary>
/// <param name="AccessToken">As <c>POST /link/v1/token</c> gave it.</param>
public sealed record Renew(string AccessToken);

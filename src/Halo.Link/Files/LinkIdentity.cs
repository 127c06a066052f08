using System.Text.Json;
using System.Text.Json.Serialization;
using Halo.Link.Engines.Factory;
using Halo.Link.Settings;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Files;

/// <summary>Who this Link is: its own id and one for each site, made once and kept in the data directory.</summary>
/// <param name="LinkId">The Link GUID.</param>
/// <param name="Sites">Every site that was ever configured here, in the order of their making.</param>
sealed record LinkIdentity(Guid LinkId, IReadOnlyList<SiteIdentity> Sites)
{
    const string FileName = "identity.json";

    /// <summary>Reads it, makes what is missing, and gives each configured site its id, in the order of the configuration.</summary>
    /// <remarks>
    /// A site is known again by its practice and by which database it points to, never by its place in the list. The rules of
    /// <see cref="SiteMatch"/> are tried one after another, the surest first. A Link with one site, then and now, keeps its id
    /// whatever changed: whether the practice is still the same is the operator's to confirm, and the API asks. A site that is
    /// taken out keeps its id for when it comes back; no other one gets it.
    /// </remarks>
    public static ConfiguredIdentity Load(DataDirectory directory, IReadOnlyList<SiteSettings> sites, TimeProvider time)
    {
        var stored = directory.Read(FileName, LinkFilesJson.Default.LinkIdentity);
        var known = stored?.Sites.ToList() ?? [];
        var found = SiteMatch.Find(known, [.. sites.Select(SiteIdentity.Of)]);
        for (var i = 0; i < sites.Count; i++)
        {
            var described = SiteIdentity.Of(sites[i]);
            if (found[i] is { } index)
            {
                known[index] = described with { Id = known[index].Id };
            }
            else
            {
                found[i] = known.Count;
                known.Add(described with { Id = Guid.CreateVersion7(time.GetUtcNow()) });
            }
        }
        for (var i = 0; i < known.Count; i++)
            known[i] = known[i] with { TakenOut = found.Contains(i) ? null : true };
        var identity = new LinkIdentity(stored?.LinkId ?? Guid.CreateVersion7(time.GetUtcNow()), known);
        if (stored is null || !stored.Sites.SequenceEqual(known))
            directory.Write(FileName, identity, LinkFilesJson.Default.LinkIdentity);
        return new(identity, [.. found.Select(f => known[f!.Value].Id)]);
    }
}

/// <summary>Who this Link is, with the sites as they are configured.</summary>
/// <param name="Link">What is kept in the data directory.</param>
/// <param name="SiteIds">Of each configured site, in the order of the configuration.</param>
sealed record ConfiguredIdentity(LinkIdentity Link, IReadOnlyList<Guid> SiteIds);

/// <summary>A site's id and what it is known again by.</summary>
/// <param name="Id">The Halo GUID.</param>
/// <param name="Engine">As configured.</param>
/// <param name="PracticeManagementName">As configured; null where it is read from the database.</param>
/// <param name="PracticeManagementSiteId">As configured; null where it is read from the database.</param>
sealed record SiteIdentity(Guid Id, string Engine, string? PracticeManagementName, string? PracticeManagementSiteId)
{
    /// <summary>Which database its connection string points to, as a digest; null where it says nothing of that.</summary>
    public string? Database { get; init; }

    /// <summary>True: it is not in the configuration any more.</summary>
    public bool? TakenOut { get; init; }

    public static SiteIdentity Of(SiteSettings site) =>
        new(Guid.Empty, site.Engine, site.PracticeManagementName.Text, site.PracticeManagementSiteId.Text)
        {
            Database = DatabaseEngines.TargetDigest(site.Engine, site.ConnectionString),
        };

    public bool HasSameName(SiteIdentity other) =>
        string.Equals(PracticeManagementName, other.PracticeManagementName, StringComparison.OrdinalIgnoreCase);

    public bool HasSameDatabase(SiteIdentity other) => Database is not null && Engine == other.Engine && Database == other.Database;

    public bool IsSamePractice(SiteIdentity other) =>
        PracticeManagementSiteId is not null && HasSameName(other) && string.Equals(PracticeManagementSiteId, other.PracticeManagementSiteId, StringComparison.OrdinalIgnoreCase);
}

/// <summary>What the API last agreed to, so that a start does not enrol anew.</summary>
/// <param name="Api">The API's address.</param>
/// <param name="Sites">The sites that it knows.</param>
sealed record Enrolled(string Api, IReadOnlyList<Guid> Sites);

/// <summary>What was last read from the databases about the practices.</summary>
/// <param name="Sites">By Halo GUID.</param>
sealed record KnownPractices(IReadOnlyDictionary<Guid, PracticeTexts> Sites);

/// <summary>The texts that describe a practice.</summary>
sealed record PracticeTexts
{
    public string? PracticeManagementName { get; init; }

    public string? PracticeManagementSiteId { get; init; }

    public string? PracticeManagementVersion { get; init; }

    public string? PracticeName { get; init; }

    /// <summary>The database's own identity.</summary>
    public string? DatabaseIdentity { get; init; }

    /// <summary>Where the identity was looked for: a digest of server and database, as <see cref="DatabaseEngines.TargetDigest"/> makes it.</summary>
    public string? Target { get; init; }
}

/// <summary>JSON of the files in the data directory.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(LinkIdentity))]
[JsonSerializable(typeof(Enrolled))]
[JsonSerializable(typeof(KnownPractices))]
[JsonSerializable(typeof(RunRecord))]
[JsonSerializable(typeof(RemoteConfiguration))]
sealed partial class LinkFilesJson : JsonSerializerContext;

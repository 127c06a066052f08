using System.Text.Json;
using System.Text.Json.Serialization;
using Halo.Link.Settings;

namespace Halo.Link.Session;

/// <summary>Who this Link is: its own id and one for each site, made once and kept in the data directory.</summary>
/// <param name="LinkId">The Link GUID.</param>
/// <param name="Sites">Every site that was ever configured here, in the order of their making.</param>
public sealed record LinkIdentity(Guid LinkId, IReadOnlyList<SiteIdentity> Sites)
{
    const string FileName = "identity.json";

    /// <summary>Reads it, makes what is missing, and gives each configured site its id, in the order of the configuration.</summary>
    /// <remarks>
    /// A site is known again by its practice, never by its connection string or its place in the list: those change. Each
    /// configured site takes the stored one that agrees with it best: all of engine, PMS and PMS ID; then PMS and PMS ID
    /// (the database moved to another engine); then engine and PMS. A Link with one site, then and now, keeps its id
    /// whatever changed: whether the practice is still the same is the operator's to confirm, and the API asks.
    /// </remarks>
    public static (LinkIdentity Identity, IReadOnlyList<Guid> SiteIds) Load(DataDirectory directory, IReadOnlyList<SiteSettings> sites, TimeProvider time)
    {
        var stored = directory.Read(FileName, LinkFilesJson.Default.LinkIdentity);
        var known = stored?.Sites.ToList() ?? [];
        var found = Match(known, [.. sites.Select(SiteIdentity.Of)]);
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
        var identity = new LinkIdentity(stored?.LinkId ?? Guid.CreateVersion7(time.GetUtcNow()), known);
        if (stored is null || !stored.Sites.SequenceEqual(known))
            directory.Write(FileName, identity, LinkFilesJson.Default.LinkIdentity);
        return (identity, [.. found.Select(f => known[f!.Value].Id)]);
    }

    static int?[] Match(List<SiteIdentity> known, List<SiteIdentity> configured)
    {
        var found = new int?[configured.Count];
        if (known.Count == 1 && configured.Count == 1)
            return [0];
        Func<SiteIdentity, SiteIdentity, bool>[] rules =
        [
            (a, b) => a.Engine == b.Engine && a.IsSamePractice(b),
            (a, b) => a.IsSamePractice(b),
            (a, b) => a.Engine == b.Engine && a.HasSameName(b),
        ];
        foreach (var agrees in rules)
        {
            for (var i = 0; i < configured.Count; i++)
            {
                if (found[i] is not null)
                    continue;
                var index = known.FindIndex(k => !found.Contains(known.IndexOf(k)) && agrees(k, configured[i]));
                if (index >= 0)
                    found[i] = index;
            }
        }
        return found;
    }
}

/// <summary>A site's id and what it is known again by.</summary>
/// <param name="Id">The Halo GUID.</param>
/// <param name="Engine">As configured.</param>
/// <param name="PracticeManagementName">As configured; null where it is read from the database.</param>
/// <param name="PracticeManagementSiteId">As configured; null where it is read from the database.</param>
public sealed record SiteIdentity(Guid Id, string Engine, string? PracticeManagementName, string? PracticeManagementSiteId)
{
    public static SiteIdentity Of(SiteSettings site) =>
        new(Guid.Empty, site.Engine, site.PracticeManagementName.Text, site.PracticeManagementSiteId.Text);

    public bool HasSameName(SiteIdentity other) =>
        string.Equals(PracticeManagementName, other.PracticeManagementName, StringComparison.OrdinalIgnoreCase);

    public bool IsSamePractice(SiteIdentity other) =>
        HasSameName(other) && string.Equals(PracticeManagementSiteId, other.PracticeManagementSiteId, StringComparison.OrdinalIgnoreCase);
}

/// <summary>What the API last agreed to, so that a start does not enrol anew.</summary>
/// <param name="Api">The API's address.</param>
/// <param name="Sites">The sites that it knows.</param>
public sealed record Enrolled(string Api, IReadOnlyList<Guid> Sites);

/// <summary>What was last read from the databases about the practices.</summary>
/// <param name="Sites">By Halo GUID.</param>
public sealed record KnownPractices(IReadOnlyDictionary<Guid, PracticeTexts> Sites);

/// <summary>The texts that describe a practice.</summary>
public sealed record PracticeTexts
{
    public string? PracticeManagementName { get; init; }

    public string? PracticeManagementSiteId { get; init; }

    public string? PracticeManagementVersion { get; init; }

    public string? PracticeName { get; init; }

    /// <summary>The database's own identity.</summary>
    public string? DatabaseIdentity { get; init; }
}

/// <summary>JSON of the files in the data directory, and of <c>halo-link status</c>.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(LinkIdentity))]
[JsonSerializable(typeof(Enrolled))]
[JsonSerializable(typeof(KnownPractices))]
[JsonSerializable(typeof(StatusReport))]
[JsonSerializable(typeof(PairingReport))]
sealed partial class LinkFilesJson : JsonSerializerContext;

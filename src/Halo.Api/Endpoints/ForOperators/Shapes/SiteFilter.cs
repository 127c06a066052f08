using System.Globalization;
using Halo.Api.Errors;
using Halo.Api.Routing;
using Halo.Contracts.Admin;
using Halo.Contracts.Errors;
using Halo.Contracts.Sites;

namespace Halo.Api.Endpoints.ForOperators.Shapes;

/// <summary>Which sites an operator wants to see; each part that is given has to fit.</summary>
sealed record SiteFilter
{
    const int LongestSearch = 100;

    public static Input[] Inputs { get; } =
    [
        Input.Text("search", "Only those with this text in the practice's name, id or PMS, in any case, or at the beginning of the site's id.", "harbour"),
        Input.Text("practiceManagementSiteId", "Only those of this practice.", "12345"),
        Input.Word("availability", "Only those that are so now.", ["online", "offline", "unreachable"]),
        Input.Word("databaseStatus", "Only those whose database was so at the last check.", ["unknown", "healthy", "failing"]),
        Input.Whole("driftOverMs", "Only those whose clock was off by more, in milliseconds, whichever way.", 0, int.MaxValue, null),
        Input.Text("haloLinkVersion", "Only those whose Link runs this version.", "26.305.12"),
    ];

    public string? Search { get; private init; }

    public string? Practice { get; private init; }

    public SiteAvailability? Availability { get; private init; }

    public DatabaseStatus? Database { get; private init; }

    public int? DriftOverMs { get; private init; }

    public string? Version { get; private init; }

    /// <summary>Reads the query string, and tells every fault at once.</summary>
    public static (SiteFilter? Filter, Refusal? Refusal) Read(HttpRequest request)
    {
        var faults = new List<FieldError>();
        var filter = new SiteFilter
        {
            Search = Text("search"),
            Practice = Text("practiceManagementSiteId"),
            Availability = Word<SiteAvailability>("availability", "must be online, offline or unreachable."),
            Database = Word<DatabaseStatus>("databaseStatus", "must be unknown, healthy or failing."),
            Version = Text("haloLinkVersion"),
            DriftOverMs = Text("driftOverMs") is not { } drift ? null
                : int.TryParse(drift, NumberStyles.None, CultureInfo.InvariantCulture, out var most) ? most
                : Fault("driftOverMs", $"must be a whole number of milliseconds from 0 to {int.MaxValue}."),
        };
        if (filter.Search is { Length: > LongestSearch })
            faults.Add(new("search", $"has at most {LongestSearch} characters."));
        return faults.Count > 0 ? (null, Refusal.Invalid(faults)) : (filter, null);

        string? Text(string name) => request.Query[name].ToString() is { Length: > 0 } text ? text : null;

        T? Word<T>(string name, string wanted)
            where T : struct, Enum
        {
            if (Text(name) is not { } text)
                return null;
            if (!char.IsAsciiDigit(text[0]) && Enum.TryParse<T>(text, ignoreCase: true, out var word) && Enum.IsDefined(word))
                return word;
            Fault(name, wanted);
            return null;
        }

        int? Fault(string name, string wanted)
        {
            faults.Add(new(name, wanted));
            return null;
        }
    }

    public bool Takes(AdminSite site) =>
        (Search is not { } text || Has(site.Name, text) || Has(site.PracticeManagementSiteId, text) || Has(site.PracticeManagementName, text)
            || site.Id.ToString().StartsWith(text, StringComparison.OrdinalIgnoreCase))
        && (Practice is not { } practice || site.PracticeManagementSiteId == practice)
        && (Availability is not { } availability || site.Availability == availability)
        && (Database is not { } database || site.Database?.Status == database)
        && (DriftOverMs is not { } most || site.ClockDriftMs is { } drift && Math.Abs(drift) > most)
        && (Version is not { } version || site.HaloLinkVersion == version);

    static bool Has(string? where, string text) => where?.Contains(text, StringComparison.OrdinalIgnoreCase) == true;
}

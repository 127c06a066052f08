using Halo.Link.Engines;

namespace Halo.Link.Settings;

/// <summary>One PMS database.</summary>
sealed record SiteSettings
{
    /// <summary>One of <see cref="EngineNames"/>.</summary>
    public required string Engine { get; init; }

    /// <summary>As the database's driver wants it.</summary>
    public required string ConnectionString { get; init; }

    public required TextSource PracticeManagementName { get; init; }

    public required TextSource PracticeManagementSiteId { get; init; }

    public TextSource? PracticeManagementVersion { get; init; }

    public TextSource? PracticeName { get; init; }

    /// <summary>What can be queried; never empty, one of them the default.</summary>
    public required IReadOnlyList<CatalogueSettings> Catalogues { get; init; }

    /// <summary>What the practice allows; null: everything.</summary>
    public PolicySettings? Policy { get; init; }

    /// <summary>How the Link's sessions behave towards the practice's own.</summary>
    public PracticeProtection Protection { get; init; } = new();

    /// <summary>The entry as it stands in the configuration, to see whether it changed; null: not known.</summary>
    public string? Text { get; init; }

    /// <summary>Nothing of it may reach a log.</summary>
    public override string ToString() => nameof(SiteSettings);
}

/// <summary>A text given in the configuration, or read from the database by a query: one of the two is null.</summary>
/// <param name="Text">The text itself.</param>
/// <param name="Sql">A SELECT whose first value of the first row is the text.</param>
sealed record TextSource(string? Text, string? Sql);

/// <summary>A database that can be queried.</summary>
/// <param name="Name">What integrators call it.</param>
/// <param name="Database">Its name in the database server; null: the connection string's own.</param>
/// <param name="IsDefault">Whether it is used where a query names none.</param>
sealed record CatalogueSettings(string Name, string? Database, bool IsDefault);

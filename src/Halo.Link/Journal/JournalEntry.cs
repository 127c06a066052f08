using Halo.LinkProtocol.Messages;

namespace Halo.Link.Journal;

/// <summary>What the journal knows of one claimed query. The command itself is never kept: no restart may execute it again.</summary>
/// <param name="QueryId">The query.</param>
/// <param name="ClaimId">The claim under which it is reported; a second claim of a begun query replaces it.</param>
/// <param name="Number">The claim's number among this Link's.</param>
/// <param name="SiteId">The Halo GUID.</param>
/// <param name="IntegratorId">Who asked.</param>
/// <param name="Phase">How far it got.</param>
sealed record JournalEntry(Guid QueryId, Guid ClaimId, long Number, Guid SiteId, Guid IntegratorId, ClaimPhase Phase)
{
    /// <summary>False: the API has settled it; kept for 24 hours so that a second claim of it never executes.</summary>
    public bool Held { get; init; } = true;

    /// <summary>Whether the database may have been given it.</summary>
    public bool Begun { get; init; }

    /// <summary>When its upload limit is over, in milliseconds of <see cref="ClaimJournal.Uptime"/>; null before the database has answered.</summary>
    public long? UploadDeadline { get; init; }

    /// <summary>The last report: what is known of how it ended. Patients' data: encrypted in the file. Null where none was made, or it can't be read.</summary>
    public Report? Report { get; init; }

    /// <summary>As <see cref="Hello"/> tells it.</summary>
    public HeldClaim ToHeld() => new(QueryId, ClaimId, Number, Phase);
}

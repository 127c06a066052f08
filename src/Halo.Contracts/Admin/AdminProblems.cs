namespace Halo.Contracts.Admin;

/// <summary>What needs a person now.</summary>
/// <param name="Problems">Those that have lasted longest first; at most as many as <c>limit</c> says.</param>
/// <param name="Next">Give it as <c>after</c> for the next page; absent on the last.</param>
/// <param name="Counts">Of all, whatever the page shows, by kind.</param>
public sealed record ProblemList(IReadOnlyList<Problem> Problems, string? Next, IReadOnlyList<ProblemCount> Counts);

/// <summary>How many problems of a kind there are.</summary>
/// <param name="Kind">One of <see cref="ProblemKinds"/>.</param>
/// <param name="Count">How many.</param>
public sealed record ProblemCount(string Kind, int Count);

/// <summary>Something that does not go away by itself.</summary>
/// <param name="Id">Names it for as long as it lasts.</param>
/// <param name="Kind">One of <see cref="ProblemKinds"/>.</param>
/// <param name="Message">What is wrong, and with what.</param>
/// <param name="Action">What to do about it.</param>
public sealed record Problem(string Id, string Kind, string Message, string Action)
{
    /// <summary>Since when, as far as it is known; absent where it is not.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>The site that has it.</summary>
    public Guid? SiteId { get; init; }

    /// <summary>The Link that has it.</summary>
    public Guid? LinkId { get; init; }

    /// <summary>The integrator that has it.</summary>
    public Guid? IntegratorId { get; init; }

    /// <summary>The operator whose key it is about.</summary>
    public Guid? OperatorId { get; init; }
}

/// <summary>The kinds of problems: a closed list, explained in docs/operations.md.</summary>
public static class ProblemKinds
{
    /// <summary>A site's Link has not been heard of for as long as <c>Halo:Links:UnreachableAfterMs</c> says.</summary>
    public const string SiteUnreachable = "siteUnreachable";

    /// <summary>A site's Link is there, and cannot reach the database.</summary>
    public const string DatabaseFailing = "databaseFailing";

    /// <summary>A practice's clock is off by more than five minutes.</summary>
    public const string ClockDrift = "clockDrift";

    /// <summary>A Link's disk has less than 1 GiB left.</summary>
    public const string DiskLow = "diskLow";

    /// <summary>A Link runs twice: its server was cloned, or its data copied.</summary>
    public const string SecondRun = "secondRun";

    /// <summary>A site has another database, machine or practice than is known, and waits for a person to confirm it.</summary>
    public const string ConfirmationWaiting = "confirmationWaiting";

    /// <summary>A Link waits to be approved.</summary>
    public const string ApprovalWaiting = "approvalWaiting";

    /// <summary>A practice's system is older than this service works with.</summary>
    public const string VersionTooOld = "versionTooOld";

    /// <summary>A Link's newest update failed.</summary>
    public const string UpdateFailed = "updateFailed";

    /// <summary>A release stopped by itself, since it failed at too many Links.</summary>
    public const string ReleaseStopped = "releaseStopped";

    /// <summary>A Link refused settings that it was sent.</summary>
    public const string SettingsRefused = "settingsRefused";

    /// <summary>A webhook was disabled, since its receiver failed for long.</summary>
    public const string WebhookDisabled = "webhookDisabled";

    /// <summary>An operator's key ends within 14 days.</summary>
    public const string OperatorKeyExpiring = "operatorKeyExpiring";

    /// <summary>An operator's key has not been used for 90 days.</summary>
    public const string OperatorKeyUnused = "operatorKeyUnused";

    /// <summary>An integrator has not called for 90 days, or one of its keys was used and has not been for so long.</summary>
    public const string IntegratorKeyUnused = "integratorKeyUnused";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        SiteUnreachable, DatabaseFailing, ClockDrift, DiskLow, SecondRun, ConfirmationWaiting, ApprovalWaiting, VersionTooOld, UpdateFailed, ReleaseStopped, SettingsRefused,
        WebhookDisabled, OperatorKeyExpiring, OperatorKeyUnused, IntegratorKeyUnused,
    ];
}

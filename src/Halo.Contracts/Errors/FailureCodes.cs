namespace Halo.Contracts.Errors;

/// <summary>Why a query that existed did not succeed: the closed list behind <c>errorDetails.code</c>.</summary>
public static class FailureCodes
{
    /// <summary>The execution limit was reached and the statement cancelled.</summary>
    public const string ExecutionTimeout = "ExecutionTimeout";

    /// <summary>The Link no longer knew the claim; it never executed.</summary>
    public const string ClaimLost = "ClaimLost";

    /// <summary>The Link stopped or was lost while the query was with it; it may have taken effect.</summary>
    public const string LinkLost = "LinkLost";

    /// <summary>The command never reached the Link; nothing ran.</summary>
    public const string NeverSent = "NeverSent";

    /// <summary>The Link's disk buffer was full and the uplink too slow to empty it; the statement was cancelled.</summary>
    public const string SpoolFull = "SpoolFull";

    /// <summary>The command left a transaction open; it was rolled back.</summary>
    public const string OpenTransaction = "OpenTransaction";

    /// <summary>A command of a batch ended the transaction that holds the batch together; <c>executed</c> says what is known.</summary>
    public const string TransactionEnded = "TransactionEnded";

    /// <summary>The result of an immediate query was over the limit; the command did execute.</summary>
    public const string ResultTooLarge = "ResultTooLarge";

    /// <summary>The command gave fewer result sets than <c>?resultSet=</c> asked for; <c>executed</c> says whether it took effect.</summary>
    public const string NoSuchResultSet = "NoSuchResultSet";

    /// <summary>A parameter could not be converted to its type; nothing ran.</summary>
    public const string InvalidParameter = "InvalidParameter";

    /// <summary>The catalogue is not one of the site's; nothing ran.</summary>
    public const string UnknownCatalogue = "UnknownCatalogue";

    /// <summary>The Link could not reach its database; nothing ran.</summary>
    public const string DatabaseUnavailable = "DatabaseUnavailable";

    /// <summary>The connection between Link and database broke while the command was with the database; <c>executed</c> says what is known.</summary>
    public const string DatabaseConnectionLost = "DatabaseConnectionLost";

    /// <summary>The command waited for a lock for longer than the practice allows, and was ended.</summary>
    public const string LockTimeout = "LockTimeout";

    /// <summary>One of the practice's own sessions waited for a lock of the command for longer than the practice allows; the command was cancelled.</summary>
    public const string BlockedPractice = "BlockedPractice";

    /// <summary>Nobody took the rows for longer than the practice lets a statement wait for its caller; it was cancelled.</summary>
    public const string SlowReader = "SlowReader";

    /// <summary>The practice's own policy refused it; nothing ran.</summary>
    public const string PolicyRefused = "PolicyRefused";

    /// <summary>The time in the queue was over; nothing ran.</summary>
    public const string QueueTimeout = "QueueTimeout";

    /// <summary>The site was away; nothing ran.</summary>
    public const string SiteAway = "SiteAway";

    /// <summary>The Link did not answer within the limit; the fate is not known.</summary>
    public const string NoAnswer = "NoAnswer";

    /// <summary>Pages could not be delivered within the upload limit.</summary>
    public const string UploadTimeout = "UploadTimeout";

    /// <summary>A page was lost or damaged before it could be delivered.</summary>
    public const string PageLost = "PageLost";

    /// <summary>Stopped at the integrator's request.</summary>
    public const string CancelledByIntegrator = "CancelledByIntegrator";

    /// <summary>Stopped because an operator moved, removed or disabled something; the message says what.</summary>
    public const string CancelledByOperator = "CancelledByOperator";

    /// <summary>The practice uninstalled its Link, or took the site out of it, while the query was queued; nothing ran.</summary>
    public const string SiteUninstalled = "SiteUninstalled";

    /// <summary>The service was restored from a backup that was made while the query was open; its fate is not known.</summary>
    public const string Restored = "Restored";

    /// <summary>
    /// The practice's Link has begun another query under this <c>Idempotency-Key</c> within 24 hours, of which the service knows nothing any more (it was
    /// restored from a backup); this one did not run. <c>executed</c> says what is known of the first.
    /// </summary>
    public const string AlreadyExecuted = "AlreadyExecuted";

    /// <summary>The Link was stopped in order while the query was with it.</summary>
    public const string LinkStopping = "LinkStopping";

    /// <summary>The Link met a fault of its own.</summary>
    public const string LinkError = "LinkError";
}

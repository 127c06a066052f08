using Halo.Contracts.Errors;

namespace Halo.LinkProtocol.Failures;

/// <summary>Kind, HTTP status and usual words of each of the <see cref="FailureCodes"/>: where only the code is known, as in the ledger, the rest follows from it.</summary>
static class FailureTable
{
    /// <summary>One of <see cref="ErrorTypes"/>: whether the Link or the way to it failed.</summary>
    public static string TypeOf(string code) => code is FailureCodes.ExecutionTimeout or FailureCodes.PolicyRefused or FailureCodes.SpoolFull
        or FailureCodes.LinkStopping or FailureCodes.LinkError or FailureCodes.OpenTransaction or FailureCodes.TransactionEnded or FailureCodes.DatabaseUnavailable
        or FailureCodes.DatabaseConnectionLost or FailureCodes.LockTimeout or FailureCodes.BlockedPractice or FailureCodes.SlowReader
        or FailureCodes.InvalidParameter or FailureCodes.UnknownCatalogue or FailureCodes.NoSuchResultSet or FailureCodes.AlreadyExecuted ? ErrorTypes.HaloLink : ErrorTypes.Http;

    /// <summary>The HTTP status.</summary>
    public static int StatusOf(string code) => code switch
    {
        FailureCodes.ClaimLost or FailureCodes.NeverSent or FailureCodes.QueueTimeout or FailureCodes.SiteAway
            or FailureCodes.LinkStopping or FailureCodes.DatabaseUnavailable or FailureCodes.LockTimeout => 503,
        FailureCodes.LinkLost or FailureCodes.NoAnswer or FailureCodes.UploadTimeout or FailureCodes.ExecutionTimeout or FailureCodes.PageLost
            or FailureCodes.DatabaseConnectionLost => 504,
        FailureCodes.CancelledByIntegrator or FailureCodes.CancelledByOperator or FailureCodes.SiteUninstalled or FailureCodes.AlreadyExecuted
            or FailureCodes.BlockedPractice => 409,
        FailureCodes.SlowReader => 408,
        FailureCodes.ResultTooLarge => 413,
        FailureCodes.SpoolFull => 507,
        FailureCodes.PolicyRefused => 403,
        FailureCodes.InvalidParameter or FailureCodes.UnknownCatalogue or FailureCodes.OpenTransaction or FailureCodes.TransactionEnded or FailureCodes.NoSuchResultSet => 400,
        _ => 500,
    };

    /// <summary>The usual words.</summary>
    public static string TextOf(string code) => code switch
    {
        FailureCodes.ClaimLost => "The site's Link no longer knew this query. It was not executed, or what it gave was lost; see 'executed'.",
        FailureCodes.LinkLost => "The site's Link stopped or was lost while it had this query. The query may have taken effect.",
        FailureCodes.NeverSent => "The query never reached the site's Link. Nothing ran.",
        FailureCodes.QueueTimeout => "The time in the queue was over before the query could start. Nothing ran.",
        FailureCodes.SiteAway => "The site was away. Nothing ran.",
        FailureCodes.NoAnswer => "The site's Link did not say how the query ended within its limit. The query may have taken effect.",
        FailureCodes.UploadTimeout => "The query was executed, but its pages were not delivered within the limit.",
        FailureCodes.PageLost => "A page of the result was lost. See 'executed'.",
        FailureCodes.CancelledByIntegrator => "The query was cancelled at the integrator's request.",
        FailureCodes.CancelledByOperator => "The query was cancelled because an operator moved or removed the site, or disabled the integrator.",
        FailureCodes.SiteUninstalled => "The query was cancelled because the practice uninstalled Halo Link or took this site out of it. Nothing ran.",
        FailureCodes.ExecutionTimeout => "The execution limit was reached and the statement was cancelled.",
        FailureCodes.Restored => "The service was restored from a backup made while this query was open. The query may have taken effect.",
        FailureCodes.ResultTooLarge => "The result is over the limit. The query was executed. Ask for less, stream the rows (Accept: application/x-ndjson or text/csv), or use an async query.",
        FailureCodes.NoSuchResultSet => "The command gave fewer result sets than were asked for. See 'executed'.",
        FailureCodes.LinkStopping => "The site's Link was stopped while it had this query.",
        FailureCodes.SpoolFull => "The site's disk buffer was full and its uplink too slow to empty it. The statement was cancelled.",
        FailureCodes.OpenTransaction => "The command left a transaction open. It was rolled back.",
        FailureCodes.TransactionEnded => "A command of the batch ended the batch's transaction. See 'executed'.",
        FailureCodes.InvalidParameter => "A parameter could not be converted to its type. Nothing ran.",
        FailureCodes.UnknownCatalogue => "The catalogue is not one of the site's. Nothing ran.",
        FailureCodes.DatabaseUnavailable => "The site's Link could not reach its database. Nothing ran.",
        FailureCodes.DatabaseConnectionLost => "The connection between the site's Link and its database broke while the command ran. It may have taken effect.",
        FailureCodes.AlreadyExecuted => "A query with this Idempotency-Key was begun at the site before. This one did not run.",
        FailureCodes.LockTimeout => "The command waited for a lock for longer than the practice allows, and was ended.",
        FailureCodes.BlockedPractice => "One of the practice's own sessions waited for a lock of this command, which was cancelled.",
        FailureCodes.SlowReader => "The rows were not taken for longer than the practice lets a statement wait for its caller. The statement was cancelled.",
        FailureCodes.PolicyRefused => "The practice's own policy refused the query. Nothing ran.",
        _ => "The site's Link failed because of an internal error.",
    };
}

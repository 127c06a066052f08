namespace Halo.Contracts.Errors;

/// <summary>Why a request was refused: the closed list behind <c>error.code</c>. Beside a query it is the word of <c>errorDetails.code</c>, from <see cref="FailureCodes"/>.</summary>
public static class ErrorCodes
{
    /// <summary>The subscription or admin key is missing.</summary>
    public const string KeyMissing = "KeyMissing";

    /// <summary>The key is unknown or revoked.</summary>
    public const string KeyInvalid = "KeyInvalid";

    /// <summary>The caller's address is not on the integrator's list.</summary>
    public const string AddressNotAllowed = "AddressNotAllowed";

    /// <summary>The operator's role does not allow this call.</summary>
    public const string RoleTooLow = "RoleTooLow";

    /// <summary>Too many requests; wait as <c>Retry-After</c> says.</summary>
    public const string TooManyRequests = "TooManyRequests";

    /// <summary>No such route, or no such thing.</summary>
    public const string NotFound = "NotFound";

    /// <summary>The route exists, not with this method.</summary>
    public const string MethodNotAllowed = "MethodNotAllowed";

    /// <summary>The body must be JSON.</summary>
    public const string UnsupportedMediaType = "UnsupportedMediaType";

    /// <summary>406: none of the forms that <c>Accept</c> allows is offered.</summary>
    public const string NotAcceptable = "NotAcceptable";

    /// <summary>The request is malformed; <c>errors</c> names each fault.</summary>
    public const string InvalidRequest = "InvalidRequest";

    /// <summary>The body is over the limit.</summary>
    public const string RequestTooLarge = "RequestTooLarge";

    /// <summary>The <c>Idempotency-Key</c> stands for another request.</summary>
    public const string IdempotencyKeyReused = "IdempotencyKeyReused";

    /// <summary>The integrator is not paired with the site.</summary>
    public const string NotPaired = "NotPaired";

    /// <summary>Another site is authoritative for this practice.</summary>
    public const string NotAuthoritative = "NotAuthoritative";

    /// <summary>An operator removed the site.</summary>
    public const string SiteRemoved = "SiteRemoved";

    /// <summary>The practice uninstalled the site's Link, or took the site out of it; it may come back.</summary>
    public const string SiteUninstalled = "SiteUninstalled";

    /// <summary>The practice's system is older than what this service works with.</summary>
    public const string VersionTooOld = "VersionTooOld";

    /// <summary>The pairing code is missing, wrong, spent or expired.</summary>
    public const string PairingCodeInvalid = "PairingCodeInvalid";

    /// <summary>The integrator has had its queries of this day.</summary>
    public const string QuotaExceeded = "QuotaExceeded";

    /// <summary>The site waits for an operator's confirmation.</summary>
    public const string NotConfirmed = "NotConfirmed";

    /// <summary>The integrator is disabled.</summary>
    public const string IntegratorDisabled = "IntegratorDisabled";

    /// <summary>The site is not online; nothing ran.</summary>
    public const string SiteAway = "SiteAway";

    /// <summary>The time in the queue was over; nothing ran.</summary>
    public const string QueueTimeout = "QueueTimeout";

    /// <summary>No answer in time; <c>GET</c> on the query tells what became of it.</summary>
    public const string NoAnswer = "NoAnswer";

    /// <summary>The result or page is over the limit of this form.</summary>
    public const string ResultTooLarge = "ResultTooLarge";

    /// <summary>The state of the thing does not allow this.</summary>
    public const string Conflict = "Conflict";

    /// <summary>It was there and is no more.</summary>
    public const string Gone = "Gone";

    /// <summary>Plain HTTP is refused except on loopback.</summary>
    public const string HttpsRequired = "HttpsRequired";

    /// <summary>The service is stopping or not ready, or cannot use its own store; nothing came of the request.</summary>
    public const string ServiceUnavailable = "ServiceUnavailable";

    /// <summary>The site or the service has as many queries as it may; nothing ran. Try again as <c>Retry-After</c> says.</summary>
    public const string QueueFull = "QueueFull";

    /// <summary>The service's disk is nearly full: it takes no new async queries. Nothing ran.</summary>
    public const string StorageFull = "StorageFull";

    /// <summary>The service's own fault.</summary>
    public const string InternalError = "InternalError";

    /// <summary>A Link's proof, assertion or token was refused.</summary>
    public const string LinkNotTrusted = "LinkNotTrusted";

    /// <summary>The operator has revoked the Link.</summary>
    public const string LinkRevoked = "LinkRevoked";

    /// <summary>A page does not fit its digest: it was damaged on the way, and is to be sent again.</summary>
    public const string PageDamaged = "PageDamaged";

    /// <summary>An enrolment token is missing, spent, expired, revoked or for another practice.</summary>
    public const string EnrolmentTokenInvalid = "EnrolmentTokenInvalid";
}

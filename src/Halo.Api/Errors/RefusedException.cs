namespace Halo.Api.Errors;

/// <summary>
/// The service has as much as it may have of something, cannot use its store, or the caller's right was taken away while it waited: the request is refused
/// deep inside it, before a query exists.
/// </summary>
/// <param name="refusal">What the caller is told.</param>
/// <param name="cause">What the store said.</param>
sealed class RefusedException(Refusal refusal, Exception? cause = null) : Exception(refusal.Message, cause)
{
    /// <summary>What the caller is told.</summary>
    public Refusal Refusal => refusal;
}

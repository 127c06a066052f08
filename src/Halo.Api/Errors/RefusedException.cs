namespace Halo.Api.Errors;

/// <summary>The service has as much as it may have of something, or cannot use its store: the request is refused deep inside it, before a query exists.</summary>
/// <param name="refusal">What the caller is told.</param>
/// <param name="cause">What the store said.</param>
sealed class RefusedException(Refusal refusal, Exception? cause = null) : Exception(refusal.Message, cause)
{
    /// <summary>What the caller is told.</summary>
    public Refusal Refusal => refusal;
}

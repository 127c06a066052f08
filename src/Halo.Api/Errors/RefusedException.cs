namespace Halo.Api.Errors;

/// <summary>The service has as much as it may have of something: the request is refused deep inside it, before a query exists.</summary>
/// <param name="refusal">What the caller is told.</param>
public sealed class RefusedException(Refusal refusal) : Exception(refusal.Message)
{
    /// <summary>What the caller is told.</summary>
    public Refusal Refusal => refusal;
}

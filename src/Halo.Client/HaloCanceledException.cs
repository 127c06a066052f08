namespace Halo.Client;

/// <summary>
/// A call that may write was cancelled by its caller. What was sent goes on at the practice; with the key the same call asks what became of it, without
/// executing it twice.
/// </summary>
public sealed class HaloCanceledException : OperationCanceledException
{
    internal HaloCanceledException(string idempotencyKey, Exception cause, CancellationToken token)
        : base("The call was cancelled; what it had sent may have been executed, or may still be.", cause, token) => IdempotencyKey = idempotencyKey;

    /// <summary>The key that it was sent with: give it with the same command as <see cref="HaloQueryOptions.IdempotencyKey"/>.</summary>
    public string IdempotencyKey { get; }
}

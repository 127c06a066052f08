namespace Halo.Client;

/// <summary>
/// A call that may write was cancelled by its caller. What was sent was asked to be stopped at the practice too, as far as that could be done within two seconds; it may
/// have ended before. With the key the same call tells what became of it, without executing it twice.
/// </summary>
public sealed class HaloCanceledException : OperationCanceledException
{
    internal HaloCanceledException(string idempotencyKey, Exception cause, CancellationToken token)
        : base("The call was cancelled; what it had sent may have been executed before it was stopped.", cause, token) => IdempotencyKey = idempotencyKey;

    /// <summary>The key that it was sent with: give it with the same command as <see cref="HaloQueryOptions.IdempotencyKey"/>.</summary>
    public string IdempotencyKey { get; }
}

namespace Halo.Api.Storage;

/// <summary>A statement to which something may be added until the store takes it: what begins and ends between two commits is written once.</summary>
abstract class OpenStatement
{
    /// <summary>Neither added to nor taken.</summary>
    public abstract bool IsOpen { get; }

    /// <summary>What is to be written. From here on nothing can be added.</summary>
    internal abstract Statement Take();
}

/// <inheritdoc/>
/// <typeparam name="TMore">What may be added, once.</typeparam>
/// <param name="write">Makes the statement: of what was added, or of null. It may be called on any thread, once.</param>
sealed class OpenStatement<TMore>(Func<TMore?, Statement> write) : OpenStatement
    where TMore : class
{
    static readonly object Taken = new();

    // Null: open. What was added, or that it was taken.
    object? _state;

    /// <inheritdoc/>
    public override bool IsOpen => Volatile.Read(ref _state) is null;

    /// <returns>False: too late, it was taken.</returns>
    internal bool TryAdd(TMore more) => Interlocked.CompareExchange(ref _state, more, null) is null;

    internal override Statement Take() => write(Interlocked.CompareExchange(ref _state, Taken, null) as TMore);
}

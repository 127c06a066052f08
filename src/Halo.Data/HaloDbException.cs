using System.Data.Common;
using Halo.Client;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.Data;

/// <summary>A command did not succeed: what is known of it, and whether a repeat is safe.</summary>
/// <remarks>Its text may hold the database's own words, and those the practice's data: show it to whoever asked, and think before you log it.</remarks>
public sealed class HaloDbException : DbException
{
    readonly bool _isTransient;
    readonly DbBatchCommand? _batchCommand;

    /// <summary>Creates an exception.</summary>
    public HaloDbException()
    {
    }

    /// <summary>Creates an exception with a message.</summary>
    public HaloDbException(string message) : base(message)
    {
    }

    /// <summary>Creates an exception with a message and its cause.</summary>
    public HaloDbException(string message, Exception? innerException) : base(message, innerException)
    {
    }

    internal HaloDbException(HaloException failure, IReadOnlyList<DbBatchCommand>? batch = null) : base(failure.Message, failure)
    {
        _isTransient = failure.IsTransient;
        Failure = failure;
        Executed = failure.Executed;
        if (batch is not null && failure.Query?.ErrorDetails?.Index is { } index && index >= 0 && index < batch.Count)
            (BatchCommandIndex, _batchCommand) = (index, batch[index]);
    }

    internal HaloDbException(string message, OperationCanceledException cancelled) : base(message, cancelled)
    {
        Executed = Executed.Unknown;
        IdempotencyKey = (cancelled as HaloCanceledException)?.IdempotencyKey;
        Code = FailureCodes.CancelledByIntegrator;
    }

    HaloException? Failure { get; }

    /// <summary>Whether the same may well succeed later. It says nothing of whether a repeat is safe: <see cref="Executed"/> does.</summary>
    public override bool IsTransient => _isTransient;

    /// <summary>The SQLSTATE, five characters, where the database gives one (PostgreSQL).</summary>
    public override string? SqlState => Failure?.SqlState;

    /// <summary>Whether the database did it: <c>No</c> where that is proved, so that a repeat is safe; <c>Unknown</c> where it may have been done.</summary>
    public Executed Executed { get; init; } = Executed.Unknown;

    /// <summary>Why, as a word for programs (<see cref="HaloException.Code"/>); null where the database refused it in its own words.</summary>
    public string? Code { get => field ?? Failure?.Code; init; }

    /// <summary>The database's own number; null where the error is not the database's. PostgreSQL has none.</summary>
    public int? ErrorNumber => Failure?.ErrorNumber;

    /// <summary>The query at the service, where there is one.</summary>
    public Guid? QueryId => Failure?.QueryId;

    /// <summary>Leads to the request in the service's traces: 32 hexadecimal digits; null where there are none.</summary>
    public string? TraceId => Failure?.TraceId;

    /// <summary>The idempotency key with which it was sent, where it was; the same command with it again is not executed twice (<see cref="HaloDbCommand.IdempotencyKey"/>).</summary>
    public string? IdempotencyKey { get => field ?? Failure?.IdempotencyKey; init; }

    /// <summary>How long the service asks to wait before the next try.</summary>
    public TimeSpan? RetryAfter => Failure?.RetryAfter;

    /// <summary>The place of the command of a batch that failed, from 0; null where it was none of them.</summary>
    public int? BatchCommandIndex { get; }

    /// <inheritdoc/>
    protected override DbBatchCommand? DbBatchCommand => _batchCommand;
}

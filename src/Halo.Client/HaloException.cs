using System.Net;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.Client;

/// <summary>A call did not succeed: what is known of it, and whether a repeat is safe.</summary>
/// <remarks>Its text may hold the database's own words, and those the practice's data: show it to whoever asked, and think before you log it.</remarks>
public sealed class HaloException : Exception
{
    /// <summary>Creates an exception.</summary>
    public HaloException()
    {
    }

    /// <summary>Creates an exception with a message.</summary>
    public HaloException(string message) : base(message)
    {
    }

    /// <summary>Creates an exception with a message and its cause.</summary>
    public HaloException(string message, Exception? innerException) : base(message, innerException)
    {
    }

    /// <summary>
    /// Whether the database did it: <c>No</c> where that is proved, so that a repeat is safe; <c>Unknown</c> where it may have been done. Of
    /// calls that are about no query it is <c>No</c>.
    /// </summary>
    public Executed Executed { get; init; } = Executed.Unknown;

    /// <summary>Whether the same may well succeed later. It says nothing of whether a repeat is safe: <see cref="Executed"/> does.</summary>
    public bool IsTransient { get; init; }

    /// <summary>
    /// Why, as a word for programs: of a query <see cref="FailureCodes"/>, of a refused request <see cref="ErrorCodes"/>, of the way to the service
    /// <see cref="HaloExceptionCodes"/>; null where the database refused it in its own words.
    /// </summary>
    public string? Code { get; init; }

    /// <summary>The HTTP status; null where there was no answer, and of the end of an async query.</summary>
    public HttpStatusCode? Status { get; init; }

    /// <summary>Whose error it is, from <see cref="ErrorTypes"/>: the database's, the Link's or the way's; null where there was no query.</summary>
    public string? ErrorType { get; init; }

    /// <summary>The database's own number; null where the error is not the database's. PostgreSQL has none: see <see cref="SqlState"/>.</summary>
    public int? ErrorNumber { get; init; }

    /// <summary>The SQLSTATE, five characters, where the database gives one (PostgreSQL).</summary>
    public string? SqlState { get; init; }

    /// <summary>The query, where there is one.</summary>
    public Guid? QueryId { get; init; }

    /// <summary>Leads to the request in the service's traces, and in your own where you have any: 32 hexadecimal digits; null where there are none.</summary>
    public string? TraceId { get; init; }

    /// <summary>The idempotency key with which it was sent. Send the same command with it again to learn what became of it; it is not executed twice.</summary>
    public string? IdempotencyKey { get; init; }

    /// <summary>Each fault of a request, where fields of it are at fault.</summary>
    public IReadOnlyList<FieldError> Errors { get; init; } = [];

    /// <summary>The query as the service last showed it, where it did.</summary>
    public Query? Query { get; init; }

    /// <summary>How long the service asks to wait before the next try.</summary>
    public TimeSpan? RetryAfter { get; init; }
}

/// <summary>What can go wrong on the way to the service and back: beside the service's own codes in <see cref="HaloException.Code"/>.</summary>
public static class HaloExceptionCodes
{
    /// <summary>No connection to the service could be made; nothing was sent.</summary>
    public const string NotConnected = "NotConnected";

    /// <summary>The connection broke, or no answer came in time; what was sent may have been carried out.</summary>
    public const string ConnectionLost = "ConnectionLost";

    /// <summary>The rows broke off before their end.</summary>
    public const string RowsBroken = "RowsBroken";

    /// <summary>The command was executed, and its rows are not there any more: a repeat with the key of a result that is too large to be kept, or whose caller had gone.</summary>
    public const string RowsNotKept = "RowsNotKept";

    /// <summary>A page does not fit its digest, also when it was read again.</summary>
    public const string PageDamaged = "PageDamaged";

    /// <summary>What answered does not speak as Halo API does: a wrong address, or a proxy's own page.</summary>
    public const string UnknownAnswer = "UnknownAnswer";
}

/// <summary>
/// A call that may write was cancelled by its caller. What was sent was asked to be stopped at the practice too, as far as that could be done within two seconds; it may
/// have ended before. With a key of your own nothing is stopped, since another process may have begun what it stands for. With the key the same call tells what became of it, without executing it twice.
/// </summary>
public sealed class HaloCanceledException : OperationCanceledException
{
    internal HaloCanceledException(string idempotencyKey, Exception cause, CancellationToken token)
        : base("The call was cancelled; what it had sent may have been executed all the same.", cause, token) => IdempotencyKey = idempotencyKey;

    /// <summary>The key that it was sent with: give it with the same command as <see cref="HaloQueryOptions.IdempotencyKey"/>.</summary>
    public string IdempotencyKey { get; }
}

using System.Diagnostics;
using Halo.Contracts.Errors;
using Microsoft.AspNetCore.WebUtilities;

namespace Halo.Api.Errors;

/// <summary>A request that is refused before a query exists: the contract's general error as data (<see cref="RefusalResult"/> writes it).</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Code">One of <see cref="ErrorCodes"/>.</param>
/// <param name="Message">What is wrong and how to put it right.</param>
sealed record Refusal(int Status, string Code, string Message)
{
    /// <summary>Every fault, where several things are wrong at once.</summary>
    public IReadOnlyList<FieldError>? Errors { get; init; }

    /// <summary>When a repeat may succeed.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Whether what was asked for may have been done all the same.</summary>
    public bool MayBeDone { get; init; }

    /// <summary>The error as it stands in a body.</summary>
    public ApiError ToError() => new(Status, ReasonPhrases.GetReasonPhrase(Status), Message)
    {
        Code = Code,
        TraceId = Activity.Current?.TraceId.ToHexString(),
        Errors = Errors,
    };

    /// <summary>An answer names so many faults at most, whatever the request holds.</summary>
    public const int MostFaults = 100;

    /// <summary>400 with every fault, of many the first.</summary>
    public static Refusal Invalid(IReadOnlyList<FieldError> faults) => new(400, ErrorCodes.InvalidRequest,
        faults.Count == 1 ? $"{faults[0].Field}: {faults[0].Message}"
        : faults.Count < MostFaults ? $"The request has {faults.Count} faults; see errors."
        : $"The request has {MostFaults} faults or more; the first are in errors.")
    {
        Errors = faults.Count <= MostFaults ? faults : [.. faults.Take(MostFaults)],
    };

    /// <summary>400 with one fault.</summary>
    public static Refusal Invalid(string field, string message) => Invalid([new FieldError(field, message)]);

    /// <summary>503: the service's own store cannot be used, and nothing came of the request.</summary>
    public static Refusal StoreAway { get; } = new(503, ErrorCodes.ServiceUnavailable, "The service's own store cannot be used. Nothing ran; try again shortly.")
    {
        RetryAfter = TimeSpan.FromSeconds(5),
    };

    /// <summary>503: the service's own store cannot be used, and it may have taken the change before it went.</summary>
    public static Refusal StoreAwayMeanwhile { get; } = new(503, ErrorCodes.ServiceUnavailable,
        "The service's own store went away, and it is not known whether this was done. Look how it is before you repeat it.")
    {
        RetryAfter = TimeSpan.FromSeconds(5),
        MayBeDone = true,
    };

    /// <summary>404 for a thing that was there when the call was let in.</summary>
    public static Refusal RemovedMeanwhile => NotFound("What this request names was removed at the same moment, and nothing was changed. Look it up again.");

    /// <summary>404 for a thing.</summary>
    public static Refusal NotFound(string message) => new(404, ErrorCodes.NotFound, message);
}

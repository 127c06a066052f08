namespace Halo.Contracts.Errors;

/// <summary>The body of every error that is not the ending of a query.</summary>
/// <param name="Error">What went wrong.</param>
public sealed record ErrorResponse(ApiError Error);

/// <summary>What went wrong, in the contract's general shape.</summary>
/// <param name="Status">The HTTP status, 400 to 599.</param>
/// <param name="StatusText">Its standard words.</param>
/// <param name="Message">What is wrong and how to put it right, for people.</param>
public sealed record ApiError(int Status, string StatusText, string Message)
{
    /// <summary>A stable word for programs, from the closed list <see cref="ErrorCodes"/>; beside a query the same as its <c>errorDetails.code</c>. Explained in docs/http-api.md.</summary>
    public string? Code { get; init; }

    /// <summary>Leads to this request in the service's own traces: 32 hexadecimal digits.</summary>
    public string? TraceId { get; init; }

    /// <summary>Every fault, where fields of the request are at fault; absent otherwise.</summary>
    public IReadOnlyList<FieldError>? Errors { get; init; }
}

/// <summary>One fault of a request.</summary>
/// <param name="Field">Path of the field, as <c>command.parameters[0].type</c>.</param>
/// <param name="Message">What is wrong with it and what was expected.</param>
public sealed record FieldError(string Field, string Message);

using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;

namespace Halo.Client.Calls;

/// <summary>Answers and faults of the connection as exceptions.</summary>
static class Failures
{
    /// <summary>An answer without success: a query that ended otherwise, or a refusal.</summary>
    public static HaloException Of(HttpResponseMessage response, ReadOnlySpan<byte> body, TimeProvider time)
    {
        var wait = RetryAfter(response.Headers.RetryAfter, time);
        if (Read(body, HaloJson.Default.Query) is { } query && query.Id != Guid.Empty)
            return Of(query, response.StatusCode, wait);
        if (Read(body, HaloJson.Default.ErrorResponse)?.Error is { Code: { } code } error)
        {
            return new($"{error.Message}{Faults(error.Errors)}")
            {
                Status = response.StatusCode,
                Code = code,
                // Beside no query it is said before there is one; the service's own fault alone may come later, and a key that is another request's says nothing of that one.
                Executed = code == ErrorCodes.IdempotencyKeyReused || (int)response.StatusCode >= 500 && response.StatusCode != HttpStatusCode.ServiceUnavailable ? Executed.Unknown : Executed.No,
                IsTransient = response.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable,
                Errors = error.Errors ?? [],
                TraceId = error.TraceId ?? Trace,
                RetryAfter = wait,
            };
        }
        return new($"The answer {(int)response.StatusCode} is not one of Halo API's: see whether the address is right, and what stands between.")
        {
            Status = response.StatusCode,
            Code = HaloExceptionCodes.UnknownAnswer,
            // A gateway says so where it did not get through, and where it waited for too long.
            IsTransient = response.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout,
            TraceId = Trace,
            RetryAfter = wait,
        };
    }

    /// <summary>A query that did not succeed.</summary>
    public static HaloException Of(Query query, HttpStatusCode? status = null, TimeSpan? retryAfter = null)
    {
        var details = query.ErrorDetails;
        var isDatabase = details?.ErrorType is not (null or ErrorTypes.HaloLink or ErrorTypes.Http);
        return new($"{details?.ErrorMessage ?? query.Error?.Message ?? $"The query ended as {query.Status}."}{Faults(details?.Errors)}")
        {
            Status = status,
            Code = details?.Code ?? query.Error?.Code,
            Executed = query.Executed ?? Executed.Unknown,
            IsTransient = status is HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout || IsTransient(query),
            ErrorType = details?.ErrorType,
            ErrorNumber = isDatabase && details!.ErrorCode != 0 ? details.ErrorCode : null,
            SqlState = details?.SqlState,
            QueryId = query.Id,
            TraceId = query.Error?.TraceId ?? Trace,
            Errors = details?.Errors ?? [],
            Query = query,
            RetryAfter = retryAfter,
        };
    }

    /// <summary>There was no answer.</summary>
    public static HaloException Of(Exception fault)
    {
        var isSent = fault is not HttpRequestException
        {
            HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError or HttpRequestError.ProxyTunnelError,
        };
        return new(isSent
            ? "The connection to Halo API broke before its answer was there."
            : $"Halo API cannot be reached: {fault.Message}", fault)
        {
            Code = isSent ? HaloExceptionCodes.ConnectionLost : HaloExceptionCodes.NotConnected,
            Executed = isSent ? Executed.Unknown : Executed.No,
            IsTransient = true,
            TraceId = Trace,
        };
    }

    /// <summary>The same, with what its caller knows beside it.</summary>
    /// <param name="key">The key that it was sent with; null: none.</param>
    /// <param name="executed">What is known of the query; null: as the failure says.</param>
    /// <param name="query">The query that it is about; null: as the failure says.</param>
    public static HaloException With(this HaloException failure, string? key = null, Executed? executed = null, Guid? query = null) => new(failure.Message, failure.InnerException)
    {
        Executed = executed ?? failure.Executed,
        IsTransient = failure.IsTransient,
        Code = failure.Code,
        Status = failure.Status,
        ErrorType = failure.ErrorType,
        ErrorNumber = failure.ErrorNumber,
        SqlState = failure.SqlState,
        QueryId = query ?? failure.QueryId,
        TraceId = failure.TraceId,
        IdempotencyKey = key ?? failure.IdempotencyKey,
        Errors = failure.Errors,
        Query = failure.Query,
        RetryAfter = failure.RetryAfter,
    };

    static bool IsTransient(Query query) => query.ErrorDetails?.Code is
        FailureCodes.DatabaseUnavailable or FailureCodes.DatabaseConnectionLost or FailureCodes.LockTimeout or FailureCodes.BlockedPractice or FailureCodes.LinkLost
        or FailureCodes.LinkStopping or FailureCodes.NeverSent or FailureCodes.ClaimLost or FailureCodes.SiteAway or FailureCodes.QueueTimeout or FailureCodes.SpoolFull
        or FailureCodes.UploadTimeout or FailureCodes.PageLost or FailureCodes.NoAnswer or FailureCodes.ExecutionTimeout or FailureCodes.SlowReader
        // Serialisation failures and deadlocks, of which the database itself says to try again.
        || query.ErrorDetails is { SqlState: "40001" or "40P01" } or { ErrorType: ErrorTypes.SqlServer, ErrorCode: 1205 } or { ErrorType: ErrorTypes.Sqlite, ErrorCode: 5 or 6 };

    static string? Trace => Activity.Current is { IdFormat: ActivityIdFormat.W3C } activity ? activity.TraceId.ToString() : null;

    static string Faults(IReadOnlyList<FieldError>? errors) =>
        errors is { Count: > 0 } ? " " + string.Join(" ", errors.Select(e => $"{e.Field} {e.Message}")) : "";

    static TimeSpan? RetryAfter(RetryConditionHeaderValue? header, TimeProvider time) =>
        header?.Delta ?? (header?.Date is { } date && date - time.GetUtcNow() is { Ticks: > 0 } left ? left : null);

    static T? Read<T>(ReadOnlySpan<byte> body, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type) where T : class
    {
        try
        {
            return body.IsEmpty ? null : JsonSerializer.Deserialize(body, type);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

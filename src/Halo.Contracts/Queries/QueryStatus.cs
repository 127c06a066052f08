using System.Text.Json.Serialization;
using Halo.Contracts.Json;

namespace Halo.Contracts.Queries;

/// <summary>Where a query stands. The names on the wire are these in camelCase. Final states never change.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<QueryStatus>))]
public enum QueryStatus
{
    /// <summary>Accepted, not stored or sent yet.</summary>
    Initialising,

    /// <summary>Final: could not be stored; nothing ran.</summary>
    InitialisationFailedCacheError,

    /// <summary>Final: the site had closed its session in order and the query would not wait; nothing ran.</summary>
    InitialisationFailedSiteOffline,

    /// <summary>Final: the site has not been heard of for two minutes and the query would not wait; nothing ran.</summary>
    InitialisationFailedSiteUnreachable,

    /// <summary>Async: durably stored, waiting for the Link to claim it.</summary>
    Queued,

    /// <summary>Final: the time in the queue was over before it started; nothing ran.</summary>
    ExpiredInQueue,

    /// <summary>With the Link, or in the database.</summary>
    Executing,

    /// <summary>Final: the database refused it, a limit stopped it, or the Link died; <c>executed</c> says what is known.</summary>
    ExecutionFailed,

    /// <summary>The database has answered in full; pages are on their way.</summary>
    Uploading,

    /// <summary>Final: the database did it, the pages could not be delivered.</summary>
    UploadFailed,

    /// <summary>Final: done, the whole result is there.</summary>
    Successful,

    /// <summary>Final: stopped by the integrator or the operator; <c>executed</c> says what is known.</summary>
    Cancelled,
}

/// <summary>How the answer is delivered.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<QueryMode>))]
public enum QueryMode
{
    /// <summary>In the response.</summary>
    Immediate,

    /// <summary>Queued, answered in stored pages.</summary>
    Async,
}

/// <summary>Whether the database did the work: what decides if a repeat is safe.</summary>
[JsonConverter(typeof(CamelCaseEnumConverter<Executed>))]
public enum Executed
{
    /// <summary>It may have taken effect.</summary>
    Unknown,

    /// <summary>It never reached the database, or was rolled back.</summary>
    No,

    /// <summary>It took effect.</summary>
    Yes,
}

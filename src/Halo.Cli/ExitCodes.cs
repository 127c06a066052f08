using System.Net;
using Halo.Client;
using Halo.Contracts.Errors;
using Halo.Contracts.Queries;

namespace Halo.Cli;

/// <summary>What scripts go by.</summary>
static class ExitCodes
{
    /// <summary>Done.</summary>
    public const int Done = 0;

    /// <summary>The command line, or what it names, is wrong.</summary>
    public const int Usage = 1;

    /// <summary>Refused: the key, the right, the practice's policy, a limit; or there is no such thing.</summary>
    public const int Refused = 2;

    /// <summary>The database refused it; it took no effect.</summary>
    public const int Database = 3;

    /// <summary>Not available now; nothing was executed, and a repeat is safe.</summary>
    public const int NotAvailable = 4;

    /// <summary>It is not known whether it was executed, or what it gave was lost.</summary>
    public const int Unknown = 5;

    /// <summary>What came could not be kept here: the disk, the directory, or a value that the format does not hold.</summary>
    public const int LocalFile = 6;

    /// <summary>Ended by Ctrl+C, as shells have it.</summary>
    public const int Interrupted = 130;

    public static int Of(HaloException failure) => failure switch
    {
        // A page of HTML: another address. A gateway's own words about a request that it may have passed on are something else.
        { Code: HaloExceptionCodes.UnknownAnswer, IsTransient: false, Status: not (>= HttpStatusCode.InternalServerError or HttpStatusCode.RequestEntityTooLarge) } => Usage,
        { Code: ErrorCodes.InvalidRequest or FailureCodes.InvalidParameter or FailureCodes.UnknownCatalogue } => Usage,
        { Executed: Executed.Unknown } => Unknown,
        { ErrorType: not (null or ErrorTypes.HaloLink or ErrorTypes.Http), IsTransient: false } => Database,
        { Executed: Executed.No, IsTransient: true } => NotAvailable,
        { Code: HaloExceptionCodes.RowsBroken or HaloExceptionCodes.RowsNotKept or HaloExceptionCodes.PageDamaged } => Unknown,
        // It was carried out, and its answer is not to be had.
        { Executed: Executed.Yes, Code: not ErrorCodes.ResultTooLarge } => Unknown,
        _ => Refused,
    };
}

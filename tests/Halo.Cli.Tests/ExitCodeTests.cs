using System.Net;
using Halo.Client;
using Halo.Contracts.Queries;

namespace Halo.Cli.Tests;

/// <summary>What each kind of failure tells a script.</summary>
public sealed class ExitCodeTests
{
    public static TheoryData<HaloException, int> Failures => new()
    {
        { new HaloException("m") { Code = HaloExceptionCodes.NotConnected, Executed = Executed.No, IsTransient = true }, 4 },
        { new HaloException("m") { Code = HaloExceptionCodes.ConnectionLost, Executed = Executed.Unknown, IsTransient = true }, 5 },
        { new HaloException("m") { Code = "SiteAway", Status = HttpStatusCode.ServiceUnavailable, Executed = Executed.No, IsTransient = true, ErrorType = "http" }, 4 },
        { new HaloException("m") { Code = "DatabaseUnavailable", Status = HttpStatusCode.ServiceUnavailable, Executed = Executed.No, IsTransient = true, ErrorType = "pgsql" }, 4 },
        { new HaloException("m") { Code = "TooManyRequests", Status = HttpStatusCode.TooManyRequests, Executed = Executed.No, IsTransient = true }, 4 },
        { new HaloException("m") { Status = HttpStatusCode.BadRequest, Executed = Executed.No, ErrorType = "sqlite", ErrorNumber = 1 }, 3 },
        // A lock that was not had: a repeat is safe and may succeed.
        { new HaloException("m") { Status = HttpStatusCode.BadRequest, Executed = Executed.No, IsTransient = true, ErrorType = "mssql", ErrorNumber = 1205 }, 4 },
        { new HaloException("m") { Status = HttpStatusCode.BadRequest, Executed = Executed.Unknown, ErrorType = "pgsql", SqlState = "42P01" }, 5 },
        { new HaloException("m") { Code = "KeyInvalid", Status = HttpStatusCode.Unauthorized, Executed = Executed.No }, 2 },
        { new HaloException("m") { Code = "PolicyRefused", Status = HttpStatusCode.Forbidden, Executed = Executed.No, ErrorType = "haloLink" }, 2 },
        { new HaloException("m") { Code = "NotFound", Status = HttpStatusCode.NotFound, Executed = Executed.No }, 2 },
        { new HaloException("m") { Code = "ResultTooLarge", Status = HttpStatusCode.RequestEntityTooLarge, Executed = Executed.Yes, ErrorType = "http" }, 2 },
        { new HaloException("m") { Code = "InvalidRequest", Status = HttpStatusCode.BadRequest, Executed = Executed.No }, 1 },
        { new HaloException("m") { Code = "InvalidParameter", Status = HttpStatusCode.BadRequest, Executed = Executed.No, ErrorType = "haloLink" }, 1 },
        { new HaloException("m") { Code = HaloExceptionCodes.UnknownAnswer, Status = HttpStatusCode.OK }, 1 },
        { new HaloException("m") { Code = HaloExceptionCodes.UnknownAnswer, Status = HttpStatusCode.InternalServerError }, 5 },
        { new HaloException("m") { Code = HaloExceptionCodes.UnknownAnswer, Status = HttpStatusCode.RequestEntityTooLarge }, 5 },
        { new HaloException("m") { Code = "NoAnswer", Status = HttpStatusCode.GatewayTimeout, Executed = Executed.Yes, ErrorType = "http" }, 5 },
        { new HaloException("m") { Code = HaloExceptionCodes.RowsBroken, Executed = Executed.Yes, IsTransient = true }, 5 },
        { new HaloException("m") { Code = "InternalError", Status = HttpStatusCode.InternalServerError, Executed = Executed.Unknown }, 5 },
    };

    [Theory]
    [MemberData(nameof(Failures), DisableDiscoveryEnumeration = true)]
    public void A_failure_has_the_exit_code_that_says_whether_to_repeat(HaloException failure, int code) => Assert.Equal(code, ExitCodes.Of(failure));
}

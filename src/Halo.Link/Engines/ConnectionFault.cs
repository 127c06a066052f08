using System.Data.Common;
using System.Net.Sockets;
using System.Security.Authentication;
using Halo.Contracts.Errors;

namespace Halo.Link.Engines;

/// <summary>Why no connection to a database could be had.</summary>
/// <param name="Error">For the caller: the database's own words, where it has said any.</param>
/// <param name="Advice">For whoever looks after the practice's server: what to do, in one sentence.</param>
/// <param name="LoginRefused">The server refused the login: each further try counts towards locking the account.</param>
sealed record ConnectionFault(ErrorDetails Error, string Advice, bool LoginRefused = false)
{
    /// <summary>It says nothing of the database: other calls may well get a connection.</summary>
    public bool ConcernsOneCall { get; init; }

    /// <summary>A server that restarts says the same: it may be over in a moment.</summary>
    public bool MayPass { get; init; }

    /// <summary>The words and the advice, for the log and for <c>halo-link status</c>. No connection string is in them.</summary>
    public string Words => $"{Error.ErrorMessage.TrimEnd('.')}{Code}. {Advice}";

    string Code => Error switch
    {
        { SqlState: { } state } => $" ({state})",
        { ErrorType: ErrorTypes.HaloLink or ErrorTypes.Http } => "",
        _ => $" ({Error.ErrorCode})",
    };

    /// <summary>The same, and what ends by a limit.</summary>
    public static bool IsOfTheDatabase(Exception e) => e is OperationCanceledException || IsOfTheDriver(e);

    /// <summary>What drivers throw for what the database or the way to it does; a mistake of ours is none of these.</summary>
    public static bool IsOfTheDriver(Exception e) =>
        e is DbException or IOException or TimeoutException or InvalidOperationException or NotSupportedException or ArgumentException
            or System.Net.Sockets.SocketException or UnauthorizedAccessException or InvalidCastException or OverflowException or IndexOutOfRangeException
            or System.Security.Authentication.AuthenticationException;

    /// <summary>The database said so itself.</summary>
    public static ConnectionFault Of(ErrorDetails error, string advice, bool loginRefused = false) =>
        new(error with { Code = FailureCodes.DatabaseUnavailable }, advice, loginRefused);

    /// <summary>The server was not reached, or did not get so far as to say anything.</summary>
    /// <param name="server">What is to be reached: <c>PostgreSQL</c>.</param>
    public static ConnectionFault Of(Exception failure, string server)
    {
        var (words, advice) = Chain(failure).Select(e => Tell(e, server)).FirstOrDefault(t => t.Words is not null);
        return Of(
            new ErrorDetails(ErrorTypes.HaloLink, 503, $"The Link cannot connect to its database: {words ?? $"the connection failed ({failure.GetType().Name})"}."),
            advice ?? $"Check that {server} runs, and that the site's connectionString names its host and port.") with
        {
            MayPass = Chain(failure).Any(e => e is SocketException { SocketErrorCode: SocketError.ConnectionRefused or SocketError.ConnectionReset } or EndOfStreamException),
        };
    }

    static (string? Words, string? Advice) Tell(Exception failure, string server) => failure switch
    {
        SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain } e =>
            (e.Message, "Check the host's name in the site's connectionString, and the machine's name service."),
        SocketException { SocketErrorCode: SocketError.ConnectionRefused } e =>
            (e.Message, $"Start {server}, or correct host and port in the site's connectionString."),
        SocketException e => (e.Message, $"Check that {server} runs, and that no firewall stands between."),
        AuthenticationException e =>
            ($"TLS: {e.Message.TrimEnd('.')}", "Install the certificate of the server's authority on this machine, or correct the TLS settings in the site's connectionString."),
        TimeoutException e => (e.Message.TrimEnd('.'), $"Check that {server} is not overloaded, and that no firewall stands between."),
        OperationCanceledException => ("no answer in time", $"Check that {server} is not overloaded, and that no firewall stands between."),
        UnauthorizedAccessException => ("the system refused access", "Give the account that Halo Link runs as the right to it."),
        _ => default,
    };

    static Stack<Exception> Chain(Exception? failure)
    {
        // The innermost says it best.
        var all = new Stack<Exception>();
        for (; failure is not null; failure = (failure as AggregateException)?.InnerExceptions.LastOrDefault() ?? failure.InnerException)
            all.Push(failure);
        return all;
    }
}

/// <summary>No connection to the database could be had: nothing was sent.</summary>
/// <param name="fault">Why.</param>
/// <param name="retryAfter">Until it is tried again.</param>
sealed class DatabaseUnavailableException(ConnectionFault fault, TimeSpan retryAfter) : Exception(fault.Words)
{
    /// <summary>Why.</summary>
    public ConnectionFault Fault => fault;

    /// <summary>Until it is tried again.</summary>
    public TimeSpan RetryAfter => retryAfter;
}

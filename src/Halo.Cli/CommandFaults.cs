using System.CommandLine;
using Halo.Cli.Exports;
using Halo.Client;
using Halo.Contracts.Queries;

namespace Halo.Cli;

/// <summary>What was asked for is missing or wrong.</summary>
sealed class UsageException(string message) : Exception(message);

/// <summary>What was named is not there.</summary>
sealed class NotFoundException(string message) : Exception(message);

/// <summary>Runs a command; a fault is one line on standard error and an exit code.</summary>
static class CommandFaults
{
    public static Command Does(this Command command, Func<ParseResult, CancellationToken, Task> action) => command.Does(async (parsed, stop) =>
    {
        await action(parsed, stop);
        return ExitCodes.Done;
    });

    public static Command Does(this Command command, Func<ParseResult, CancellationToken, Task<int>> action)
    {
        command.SetAction(async (parsed, stop) =>
        {
            try
            {
                return await action(parsed, stop);
            }
            catch (HaloCanceledException e)
            {
                return Say($"Interrupted, and asked to be stopped at the practice. It may have been executed before; {AskAgain(e.IdempotencyKey)}", ExitCodes.Interrupted);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return Say("Interrupted.", ExitCodes.Interrupted);
            }
            catch (HaloException e)
            {
                return Say(Words(e), ExitCodes.Of(e));
            }
            catch (LocalFileException e)
            {
                return Say(e.Message, ExitCodes.LocalFile);
            }
            catch (ExportIncompleteException e)
            {
                return Say(e.Message, e.ExitCode);
            }
            catch (NotFoundException e)
            {
                return Say(e.Message, ExitCodes.Refused);
            }
            catch (Exception e) when (e is UsageException or ArgumentException or IOException or UnauthorizedAccessException)
            {
                return Say(e.Message, ExitCodes.Usage);
            }
        });
        return command;
    }

    /// <summary>What is wrong, and what can be done.</summary>
    public static string Words(HaloException failure)
    {
        var text = failure.Message;
        text += failure.Code switch
        {
            "KeyInvalid" or "KeyMissing" => " Save the right one: halo login",
            "ResultTooLarge" => " Export it: halo export",
            HaloExceptionCodes.NotConnected => " See whether the address is right: --api, HALO_API.",
            _ => "",
        };
        if (failure is { Executed: not Executed.No, IdempotencyKey: { } key })
            text += $" {(failure.Executed == Executed.Yes ? "It was executed" : "Whether it was executed is not known")}; {AskAgain(key)}";
        if (failure.QueryId is { } query)
            text += $" (query {query})";
        return failure.TraceId is { } trace && failure.QueryId is null ? $"{text} (trace {trace})" : text;
    }

    static string AskAgain(string key) => $"ask again without executing twice: the same command with --idempotency-key {key}";

    static int Say(string message, int code)
    {
        Console.Error.WriteLine($"halo: {Output.Printable.Of(message)}");
        return code;
    }
}

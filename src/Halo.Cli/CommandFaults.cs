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
    const string SameCommand = "the same command with";

    public static Command WithAction(this Command command, Func<ParseResult, CancellationToken, Task> action) => command.WithAction(async (parsed, stop) =>
    {
        await action(parsed, stop);
        return ExitCodes.Done;
    });

    public static Command WithAction(this Command command, Func<ParseResult, CancellationToken, Task<int>> action)
    {
        command.SetAction(async (parsed, stop) =>
        {
            try
            {
                return await action(parsed, stop);
            }
            catch (HaloCanceledException e)
            {
                return Report($"Interrupted, and asked to be stopped at the practice. It may have been executed before; {AskAgain(e.IdempotencyKey, SameCommand)}", ExitCodes.Interrupted);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return Report("Interrupted.", ExitCodes.Interrupted);
            }
            catch (HaloException e)
            {
                return Report(TextOf(e), ExitCodes.Of(e));
            }
            catch (LocalFileException e)
            {
                return Report(e.Message, ExitCodes.LocalFile);
            }
            catch (ExportIncompleteException e)
            {
                return Report(e.Message, e.ExitCode);
            }
            catch (NotFoundException e)
            {
                return Report(e.Message, ExitCodes.Refused);
            }
            catch (Exception e) when (e is UsageException or ArgumentException or IOException or UnauthorizedAccessException)
            {
                return Report(e.Message, ExitCodes.Usage);
            }
        });
        return command;
    }

    /// <summary>What is wrong, and what can be done.</summary>
    /// <param name="how">How the same is asked again, with its key.</param>
    public static string TextOf(HaloException failure, string how = SameCommand)
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
            text += $" {(failure.Executed == Executed.Yes ? "It was executed" : "Whether it was executed is not known")}; {AskAgain(key, how)}";
        if (failure.QueryId is { } query)
            text += $" (query {query})";
        return failure.TraceId is { } trace && failure.QueryId is null ? $"{text} (trace {trace})" : text;
    }

    public static string AskAgain(string key, string how) => $"to learn what became of it without executing it twice, repeat {how} --idempotency-key {key}";

    static int Report(string message, int code)
    {
        Console.Error.WriteLine($"halo: {Output.Printable.Of(message)}");
        return code;
    }
}
